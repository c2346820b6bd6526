-- E-mail addresses that people have proved to be theirs: one each, and nobody else's.
CREATE TABLE IF NOT EXISTS emails (
    user_id      uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address      text NOT NULL,   -- as it is written to
    key          text NOT NULL CONSTRAINT emails_key UNIQUE,  -- as it is compared
    verified_at  timestamptz NOT NULL DEFAULT now()
);
