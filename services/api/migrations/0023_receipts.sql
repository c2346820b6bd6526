-- When marks moved, for "read at"; and people who neither tell nor are told what was read.

-- A row for each move in conversations small enough that receipts are listed. Pruned after a while.
CREATE TABLE IF NOT EXISTS mark_times (
    conversation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    delivered_seq    bigint NOT NULL,
    read_seq         bigint NOT NULL,
    at               timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, user_id, delivered_seq, read_seq)
);
CREATE INDEX IF NOT EXISTS mark_times_age ON mark_times USING brin (at);

ALTER TABLE users ADD COLUMN IF NOT EXISTS receipts_private boolean NOT NULL DEFAULT false;
-- A copy for each membership, where marks are moved and shown.
ALTER TABLE members ADD COLUMN IF NOT EXISTS receipts_private boolean NOT NULL DEFAULT false;
CREATE INDEX IF NOT EXISTS members_with_private_receipts ON members (conversation_id)
    WHERE receipts_private;
