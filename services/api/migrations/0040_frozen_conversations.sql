-- Operators can freeze a conversation: it is read, and nothing is written to it.

ALTER TABLE conversations ADD COLUMN IF NOT EXISTS frozen_at timestamptz;
