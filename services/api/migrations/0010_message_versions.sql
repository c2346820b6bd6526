-- Messages that are changed after they were sent. The first text stands in events; a recall is the
-- one thing that ever changes a row there: it takes the text away.

CREATE TABLE IF NOT EXISTS message_versions (
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,   -- of the message
    version          integer NOT NULL CHECK (version > 1),  -- 1 is the first text
    event_seq        bigint NOT NULL,   -- of the event that told it
    text             text NOT NULL,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, seq, version)
);

CREATE TABLE IF NOT EXISTS recalls (
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,   -- of the message
    user_id          uuid NOT NULL,     -- who recalled it
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);
