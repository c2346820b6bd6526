-- What services read instead of listening: every event and every connection, in order, for a while.
--
-- Off unless api is told otherwise (AGILEIM_FEED_DAYS): it enables the trigger when it starts. The
-- trigger is on the outbox because every transaction that writes events writes there.

CREATE TABLE IF NOT EXISTS feed (
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id             bigint GENERATED ALWAYS AS IDENTITY,
    conversations  uuid[] NOT NULL DEFAULT '{}',
    first_seqs     bigint[] NOT NULL DEFAULT '{}',
    last_seqs      bigint[] NOT NULL DEFAULT '{}',
    connections    text NOT NULL DEFAULT '',   -- JSON: what came and went
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (xid, id)
);
CREATE INDEX IF NOT EXISTS feed_age ON feed (created_at);

CREATE OR REPLACE FUNCTION feed_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed (conversations, first_seqs, last_seqs)
    SELECT conversations, first_seqs, last_seqs FROM added;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS feed ON outbox;
CREATE TRIGGER feed AFTER INSERT ON outbox
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION feed_events();
ALTER TABLE outbox DISABLE TRIGGER feed;

-- How far the stream of presence changes has been copied. Locked by the replica that copies.
CREATE TABLE IF NOT EXISTS feed_presence (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    run_id     text NOT NULL DEFAULT '',       -- of the Redis that `stream_id` belongs to
    stream_id  text NOT NULL DEFAULT '0-0'
);
INSERT INTO feed_presence DEFAULT VALUES ON CONFLICT (one) DO NOTHING;

-- The newest that has been forgotten: an older cursor has missed something.
CREATE TABLE IF NOT EXISTS feed_cut (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    xid  xid8 NOT NULL DEFAULT '0'
);
INSERT INTO feed_cut DEFAULT VALUES ON CONFLICT (one) DO NOTHING;
