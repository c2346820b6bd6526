-- What people tell of themselves, who may see and reach them, and how they are found.

ALTER TABLE users ADD COLUMN IF NOT EXISTS profile_version integer NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN IF NOT EXISTS avatar uuid;                          -- a file
ALTER TABLE users ADD COLUMN IF NOT EXISTS status_text text NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN IF NOT EXISTS status_emoji text NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN IF NOT EXISTS status_until timestamptz;             -- NULL: for good
ALTER TABLE users ADD COLUMN IF NOT EXISTS time_zone text NOT NULL DEFAULT '';   -- IANA
ALTER TABLE users ADD COLUMN IF NOT EXISTS language text NOT NULL DEFAULT '';    -- BCP 47
ALTER TABLE users ADD COLUMN IF NOT EXISTS phone text NOT NULL DEFAULT '';       -- E.164
ALTER TABLE users ADD COLUMN IF NOT EXISTS last_seen_at timestamptz;

ALTER TABLE users ADD COLUMN IF NOT EXISTS show_presence text NOT NULL DEFAULT 'everyone'
    CHECK (show_presence IN ('everyone', 'contacts', 'nobody'));
ALTER TABLE users ADD COLUMN IF NOT EXISTS take_messages text NOT NULL DEFAULT 'everyone'
    CHECK (take_messages IN ('everyone', 'contacts'));
ALTER TABLE users ADD COLUMN IF NOT EXISTS take_groups text NOT NULL DEFAULT 'everyone'
    CHECK (take_groups IN ('everyone', 'contacts'));
ALTER TABLE users ADD COLUMN IF NOT EXISTS find_by_name boolean NOT NULL DEFAULT true;
ALTER TABLE users ADD COLUMN IF NOT EXISTS find_by_email boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD COLUMN IF NOT EXISTS find_by_phone boolean NOT NULL DEFAULT false;

-- Made from handle and display name by api; NULL: not yet, an earlier version wrote the row.
ALTER TABLE users ADD COLUMN IF NOT EXISTS search_name text;
ALTER TABLE users ADD COLUMN IF NOT EXISTS search_tokens text[];
-- What the handle looks like (UTS #39, section 4): two that look the same are one.
ALTER TABLE users ADD COLUMN IF NOT EXISTS skeleton text;

CREATE INDEX IF NOT EXISTS users_search ON users USING gin (search_tokens)
    WHERE find_by_name AND disabled_at IS NULL;
CREATE INDEX IF NOT EXISTS users_phone ON users (phone) WHERE find_by_phone AND phone <> '';
CREATE INDEX IF NOT EXISTS users_to_index ON users (id) WHERE search_name IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS users_skeleton ON users (skeleton);
