-- Whose picture a file is: asked at each download.

CREATE INDEX IF NOT EXISTS users_with_avatar ON users (avatar) WHERE avatar IS NOT NULL;
CREATE INDEX IF NOT EXISTS conversation_details_with_avatar ON conversation_details (avatar)
    WHERE avatar IS NOT NULL;
