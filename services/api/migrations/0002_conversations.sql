-- Conversations and their logs.
--
-- No foreign keys on the tables that every message touches: each would lock and look up the parent
-- row again for every row written. The store takes the conversation's lock first, and nothing is
-- ever deleted from under it.
--
-- events and sends are built to be partitioned (by hash of the first column of their key): every
-- unique constraint contains that column, and no other table refers to them.

-- One row: what must not change between two starts.
CREATE TABLE IF NOT EXISTS installation (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    partitions  integer NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS conversations (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('direct', 'group', 'inbox')),
    name          text NOT NULL DEFAULT '',
    head_seq      bigint NOT NULL DEFAULT 0,   -- seq of the newest event
    number        bigint NOT NULL DEFAULT 0,   -- messages so far
    member_count  integer NOT NULL DEFAULT 0,
    -- Written with every change and not indexed, so that an update stays on its page (HOT).
    updated_xid   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    low_id        uuid,   -- direct: the pair, ordered
    high_id       uuid,
    inbox_of      uuid,   -- inbox: whose
    CHECK ((kind = 'direct') = (low_id IS NOT NULL AND high_id IS NOT NULL AND low_id < high_id)),
    CHECK ((kind = 'inbox') = (inbox_of IS NOT NULL)),
    CONSTRAINT conversations_pair UNIQUE (low_id, high_id),
    CONSTRAINT conversations_inbox UNIQUE (inbox_of)
) WITH (
    fillfactor = 50,  -- room for the next version of each row beside it
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 1
);

CREATE TABLE IF NOT EXISTS members (
    conversation_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    role             text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    first_seq        bigint NOT NULL,             -- sees events from here
    left_seq         bigint,                      -- to here; NULL: is a member
    delivered_seq    bigint NOT NULL DEFAULT 0,
    read_seq         bigint NOT NULL DEFAULT 0,
    read_number      bigint NOT NULL DEFAULT 0,   -- messages up to read_seq
    updated_xid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (conversation_id, user_id)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 1
);
CREATE INDEX IF NOT EXISTS members_of_user ON members (user_id, conversation_id);

CREATE TABLE IF NOT EXISTS events (
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,
    number           bigint NOT NULL,   -- messages so far, this one included if it is one
    kind             text NOT NULL,
    sender_id        uuid NOT NULL,
    created_at       timestamptz NOT NULL,
    client_msg_id    text NOT NULL DEFAULT '',
    body             text NOT NULL,     -- JSON as it goes over the wire; never looked into here
    PRIMARY KEY (conversation_id, seq)
) WITH (
    -- Rows are only ever added: vacuum for the visibility map and against wrap-around.
    autovacuum_vacuum_insert_scale_factor = 0.05
);

-- Which sends have succeeded, for good: a retry finds its first try here.
CREATE TABLE IF NOT EXISTS sends (
    sender_id        uuid NOT NULL,
    client_msg_id    text NOT NULL,
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,
    PRIMARY KEY (sender_id, client_msg_id)
);

-- Group creations with an Idempotency-Key.
CREATE TABLE IF NOT EXISTS creations (
    creator_id       uuid NOT NULL,
    key              text NOT NULL,
    conversation_id  uuid NOT NULL,
    PRIMARY KEY (creator_id, key)
);

-- Events that may not have reached Redis yet: one row for each transaction, gone within a moment.
CREATE TABLE IF NOT EXISTS outbox (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversations  uuid[] NOT NULL,
    first_seqs     bigint[] NOT NULL,
    last_seqs      bigint[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
