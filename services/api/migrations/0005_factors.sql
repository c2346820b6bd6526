-- What people prove themselves with besides their password, and for whom it may be demanded.
ALTER TABLE users ADD COLUMN IF NOT EXISTS administrator boolean NOT NULL DEFAULT false;

-- An authenticator application (RFC 6238).
CREATE TABLE IF NOT EXISTS authenticators (
    user_id     uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed      text NOT NULL,    -- the secret; only auth has the key
    created_at  timestamptz NOT NULL DEFAULT now(),
    used_at     timestamptz,
    last_step   bigint NOT NULL,  -- codes of this time step and earlier ones are used up
    last_use    uuid              -- the request that used it, which may come twice
);

-- WebAuthn credentials.
CREATE TABLE IF NOT EXISTS passkeys (
    id               text PRIMARY KEY,  -- credential id, base64url
    user_id          uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name             text NOT NULL,
    public_key       text NOT NULL,     -- COSE, base64url
    sign_count       bigint NOT NULL,
    transports       text[] NOT NULL DEFAULT '{}',
    backup_eligible  boolean NOT NULL,
    backed_up        boolean NOT NULL,
    aaguid           text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    used_at          timestamptz,
    last_use         uuid
);
CREATE INDEX IF NOT EXISTS passkeys_of_user ON passkeys (user_id);

-- For those who lost their device. Random, so a plain hash suffices.
CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id  uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash     text NOT NULL,
    used_at  timestamptz,
    used_by  uuid,
    PRIMARY KEY (user_id, hash)
);
