-- Who somebody is at OpenID providers outside: (issuer, subject) is what identifies them there
-- (OpenID Connect Core, section 5.7).
CREATE TABLE IF NOT EXISTS outside_identities (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label      text NOT NULL DEFAULT '',   -- what the person knows it by, e.g. an address
    linked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject),
    CONSTRAINT outside_identities_of_user UNIQUE (user_id, issuer)
);
