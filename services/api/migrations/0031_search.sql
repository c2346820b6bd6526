-- What the search looks at first: which messages may contain which words, 32 events to a row.
--
-- A row is a signature (as in BitFunnel): each word of a message sets its bit, the message's place
-- among the 32, in three of the integers of `bits`. The AND of the three of a word has the bits of
-- all messages that contain it, and of few others; what they say is then read from events. So an
-- edit, a recall and the end of a membership count at once, and sending a message writes nothing
-- here: rows are made in the background, and what they do not cover yet is read as it is.

CREATE TABLE IF NOT EXISTS search_blocks (
    conversation_id  uuid NOT NULL,
    block            bigint NOT NULL,    -- events 32 * block to 32 * block + 31
    upto_seq         bigint NOT NULL,    -- covers them up to here
    times            bigint[] NOT NULL,  -- when each was sent, µs since 1970; 0: is no message
    bits             integer[],          -- a power of two of them; NULL: to be made again
    PRIMARY KEY (conversation_id, block)
);
CREATE INDEX IF NOT EXISTS search_blocks_to_do ON search_blocks (conversation_id)
    WHERE bits IS NULL;
