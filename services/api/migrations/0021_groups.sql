-- What a group is beside its name, who may enter it, and who may speak in it.

-- Long and rarely changed, hence not in the row that every message writes.
CREATE TABLE IF NOT EXISTS conversation_details (
    conversation_id  uuid PRIMARY KEY,
    version          integer NOT NULL DEFAULT 1,
    topic            text NOT NULL DEFAULT '',
    description      text NOT NULL DEFAULT '',
    avatar           uuid,                        -- a file
    visibility       text NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
    joining          text NOT NULL DEFAULT 'invited'
                     CHECK (joining IN ('invited', 'request', 'open')),
    search_name      text NOT NULL DEFAULT ''     -- the name without case, accents and widths
);
CREATE INDEX IF NOT EXISTS conversation_details_public
    ON conversation_details (conversation_id) WHERE visibility = 'public';

-- Who may write messages: all members, or owner and admins, or nobody (it was dissolved).
ALTER TABLE conversations ADD COLUMN IF NOT EXISTS posting text NOT NULL DEFAULT 'all'
    CHECK (posting IN ('all', 'admins', 'none'));

-- Until then a member may not write.
ALTER TABLE members ADD COLUMN IF NOT EXISTS silenced_until timestamptz;

CREATE TABLE IF NOT EXISTS bans (
    conversation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    banned_by        uuid NOT NULL,
    reason           text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (conversation_id, user_id)
);

CREATE TABLE IF NOT EXISTS join_requests (
    conversation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    message          text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX IF NOT EXISTS join_requests_of_user ON join_requests (user_id, conversation_id);

CREATE TABLE IF NOT EXISTS invites (
    id               uuid PRIMARY KEY,
    conversation_id  uuid NOT NULL,
    token_hash       bytea NOT NULL CONSTRAINT invites_token UNIQUE,  -- SHA-256
    created_by       uuid NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at       timestamptz,
    uses_max         integer,
    uses             integer NOT NULL DEFAULT 0,
    approval         boolean NOT NULL DEFAULT false,   -- leads to a join request
    revoked_at       timestamptz
);
CREATE INDEX IF NOT EXISTS invites_of_conversation ON invites (conversation_id, id);

CREATE INDEX IF NOT EXISTS members_above_others ON members (conversation_id)
    WHERE role <> 'member' AND left_seq IS NULL;
