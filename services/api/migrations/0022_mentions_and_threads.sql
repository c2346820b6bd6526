-- Who is mentioned where, and threads. Both are written with the message itself.

CREATE TABLE IF NOT EXISTS mentions (
    conversation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,   -- all zeros: everybody
    seq              bigint NOT NULL, -- of the message
    sender_id        uuid NOT NULL,
    PRIMARY KEY (conversation_id, user_id, seq)
);
CREATE INDEX IF NOT EXISTS mentions_of_message ON mentions (conversation_id, seq);

CREATE TABLE IF NOT EXISTS threads (
    conversation_id  uuid NOT NULL,
    root_seq         bigint NOT NULL,   -- of the message that it begins with
    replies          bigint NOT NULL,
    last_seq         bigint NOT NULL,   -- of the newest reply
    PRIMARY KEY (conversation_id, root_seq)
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS thread_replies (
    conversation_id  uuid NOT NULL,
    root_seq         bigint NOT NULL,
    seq              bigint NOT NULL,
    number           bigint NOT NULL,   -- replies so far, this one included
    PRIMARY KEY (conversation_id, root_seq, seq)
);

-- Who follows a thread, and how far they have read it.
CREATE TABLE IF NOT EXISTS thread_members (
    user_id          uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    root_seq         bigint NOT NULL,
    following        boolean NOT NULL DEFAULT true,
    read_seq         bigint NOT NULL DEFAULT 0,
    read_number      bigint NOT NULL DEFAULT 0,  -- replies up to read_seq
    unread_since     bigint,   -- seq of the first reply that is unread; NULL: all are read
    PRIMARY KEY (user_id, conversation_id, root_seq)
);
CREATE INDEX IF NOT EXISTS thread_members_of_thread ON thread_members (conversation_id, root_seq);
CREATE INDEX IF NOT EXISTS thread_members_unread ON thread_members (user_id, conversation_id)
    WHERE following AND unread_since IS NOT NULL;
