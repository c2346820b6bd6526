-- Of which time the messages of a row are, µs since 1970: the newest rows are looked at first.
ALTER TABLE search_blocks ADD COLUMN IF NOT EXISTS first_us bigint NOT NULL DEFAULT 0;
ALTER TABLE search_blocks ADD COLUMN IF NOT EXISTS last_us bigint NOT NULL
    DEFAULT 4611686018427387904;
