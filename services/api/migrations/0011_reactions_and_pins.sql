-- What members attach to messages.

CREATE TABLE IF NOT EXISTS reactions (
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,   -- of the message
    emoji            text NOT NULL,     -- in normal form: services.api.domain.emoji
    user_id          uuid NOT NULL,
    event_seq        bigint NOT NULL,   -- of the event that told it: their order
    PRIMARY KEY (conversation_id, seq, emoji, user_id)
);

CREATE TABLE IF NOT EXISTS pins (
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,   -- of the message
    user_id          uuid NOT NULL,     -- who pinned it
    PRIMARY KEY (conversation_id, seq)
);
