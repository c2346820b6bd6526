-- A refresh whose answer got lost may be asked for again: the successor is kept for the one who
-- still holds the replaced token, sealed with it.
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS replaced_at timestamptz;
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS sealed bytea;
