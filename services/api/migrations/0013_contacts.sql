-- Who knows whom, who would like to, and who wants nothing of whom.

-- Two rows for two people, each with the one's own note.
CREATE TABLE IF NOT EXISTS contacts (
    user_id     uuid NOT NULL,
    contact_id  uuid NOT NULL,
    note        text NOT NULL DEFAULT '',   -- what the one calls the other, for themselves
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, contact_id)
);

-- Kept when it is over, as long as a refusal counts. What the one sees and what the other sees
-- differ: a refusal is not told, nor is a block.
CREATE TABLE IF NOT EXISTS contact_requests (
    from_id     uuid NOT NULL,
    to_id       uuid NOT NULL,
    text        text NOT NULL DEFAULT '',
    open        boolean NOT NULL,           -- for who asked
    shown       boolean NOT NULL,           -- to who is asked
    refused_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (from_id, to_id)
);
CREATE INDEX IF NOT EXISTS contact_requests_made ON contact_requests (from_id, to_id) WHERE open;
CREATE INDEX IF NOT EXISTS contact_requests_got ON contact_requests (to_id, from_id) WHERE shown;

CREATE TABLE IF NOT EXISTS blocks (
    user_id     uuid NOT NULL,
    blocked_id  uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, blocked_id)
);
CREATE INDEX IF NOT EXISTS blocks_by_blocked ON blocks (blocked_id, user_id);

-- Direct conversations: one of the two has blocked the other, and neither writes. Beside the role,
-- because every message looks at that row anyway.
ALTER TABLE members ADD COLUMN IF NOT EXISTS shut boolean NOT NULL DEFAULT false;
