-- Files that people upload, and the messages that carry them. The content is in the blob store.

CREATE TABLE IF NOT EXISTS files (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,                 -- who uploads it
    name            text NOT NULL,
    claimed_type    text NOT NULL DEFAULT '',      -- by the uploader; never served
    size            bigint NOT NULL CHECK (size >= 0),
    received        bigint NOT NULL DEFAULT 0 CHECK (received <= size),
    parts           bigint[] NOT NULL DEFAULT '{}',  -- where in the file the stored parts begin
    finished_at     timestamptz,                   -- NULL: it is being uploaded
    type            text NOT NULL DEFAULT '',      -- by its content
    width           integer,                       -- of a picture, upright
    height          integer,
    placeholder     text NOT NULL DEFAULT '',
    thumbnail_size  integer,                       -- bytes; NULL: there is none
    digest          bytea,                         -- SHA-256
    kept_until      timestamptz,                   -- NULL: something refers to it
    doomed          boolean NOT NULL DEFAULT false,  -- its content is being deleted
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS files_of_user ON files (user_id, id);
CREATE INDEX IF NOT EXISTS files_to_collect ON files (kept_until) WHERE kept_until IS NOT NULL;

-- What a person's files take up, so that the quota is no sum over all of them.
CREATE TABLE IF NOT EXISTS file_usage (
    user_id  uuid PRIMARY KEY,
    bytes    bigint NOT NULL CHECK (bytes >= 0)
);

CREATE TABLE IF NOT EXISTS attachments (
    conversation_id  uuid NOT NULL,
    seq              bigint NOT NULL,   -- of the message
    position         integer NOT NULL,
    file_id          uuid NOT NULL,
    PRIMARY KEY (conversation_id, seq, position)
);
CREATE INDEX IF NOT EXISTS attachments_of_file ON attachments (file_id);

-- Signs links to files; the same for all replicas.
ALTER TABLE installation ADD COLUMN IF NOT EXISTS link_key bytea NOT NULL
    DEFAULT sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea);
