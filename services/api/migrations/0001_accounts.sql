-- People, their sign-ins, and what they have allowed other applications.

CREATE TABLE IF NOT EXISTS users (
    id             uuid PRIMARY KEY,
    handle         text NOT NULL CONSTRAINT users_handle UNIQUE,  -- in normal form: shared.handles
    display_name   text NOT NULL,
    password_hash  text NOT NULL,  -- PHC format; made and checked by auth alone
    disabled_at    timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- One sign-in on one device: a family of refresh tokens (RFC 9700, section 4.14.2).
CREATE TABLE IF NOT EXISTS sessions (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id   text NOT NULL,
    scope       text NOT NULL,
    device      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    used_at     timestamptz NOT NULL DEFAULT now(),  -- the last refresh
    expires_at  timestamptz NOT NULL,                -- that of the newest refresh token
    ended_at    timestamptz,
    end_reason  text
);
CREATE INDEX IF NOT EXISTS sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS sessions_expiry ON sessions (expires_at);

CREATE TABLE IF NOT EXISTS refresh_tokens (
    hash         bytea PRIMARY KEY,  -- SHA-256 of the token
    session_id   uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    -- The token that took its place. Used ones are kept for a week: a second use is a theft noticed.
    replaced_by  bytea
);
CREATE INDEX IF NOT EXISTS refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX IF NOT EXISTS refresh_tokens_of_session ON refresh_tokens (session_id);

CREATE TABLE IF NOT EXISTS consents (
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id   text NOT NULL,
    scope       text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, client_id)
);
