-- Applications, services and bots that ask auth for tokens (RFC 6749, section 2), and their secrets.
CREATE TABLE IF NOT EXISTS clients (
    id            text PRIMARY KEY,   -- client_id; of a bot its user id
    name          text NOT NULL,
    kind          text NOT NULL
                  CHECK (kind IN ('web', 'desktop', 'terminal', 'third_party', 'service', 'bot')),
    redirect_uris              text[] NOT NULL DEFAULT '{}',
    post_logout_redirect_uris  text[] NOT NULL DEFAULT '{}',
    grants        text[] NOT NULL,
    scopes        text[] NOT NULL,
    audiences     text[] NOT NULL,
    auth_method   text NOT NULL
                  CHECK (auth_method IN ('none', 'client_secret_basic', 'client_secret_post')),
    owner_id      uuid REFERENCES users (id) ON DELETE CASCADE,  -- of a bot; none: the operators'
    disabled_at   timestamptz,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (owner_id IS NULL OR kind = 'bot')
);
CREATE INDEX IF NOT EXISTS clients_of_owner ON clients (owner_id, id) WHERE owner_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS clients_without_bots ON clients (id) WHERE kind <> 'bot';

-- Two may be good at once, so that a secret can be replaced without a moment's pause.
CREATE TABLE IF NOT EXISTS client_secrets (
    id          uuid PRIMARY KEY,
    client_id   text NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    digest      bytea NOT NULL,   -- SHA-256: secrets are random, so a plain hash suffices
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz       -- NULL: until it is replaced
);
CREATE INDEX IF NOT EXISTS client_secrets_of_client ON client_secrets (client_id);

-- Bots are users whose programs sign in with a secret; they have no password.
ALTER TABLE users ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'person'
    CHECK (kind IN ('person', 'bot'));
