-- How one member has set a conversation up for themselves. Not in members: that row is written with
-- every mark, and these are long and rare.

CREATE TABLE IF NOT EXISTS member_settings (
    user_id          uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    version          integer NOT NULL DEFAULT 1,
    muted_until      timestamptz,              -- no sound until then
    notify           text NOT NULL DEFAULT 'all' CHECK (notify IN ('all', 'mentions', 'none')),
    pinned           integer,                  -- place among those at the top; NULL: not there
    archived         boolean NOT NULL DEFAULT false,
    hidden_number    bigint,                   -- hidden as long as there are no more messages
    marked_unread    boolean NOT NULL DEFAULT false,
    draft            text,                     -- JSON: text, reply_to, thread
    PRIMARY KEY (user_id, conversation_id)
);
