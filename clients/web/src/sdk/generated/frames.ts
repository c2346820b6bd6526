// Made by `npm run types`; do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Ack
         * @description client → gateway. The first `n` `event` frames of this connection are taken care of.
         *
         *         Cumulative; `n` counts the `event` frames received since `welcome`. Acknowledge at the latest
         *         after 32 events, or 500 ms after the first of them: 2 s, where 8 have come by then.
         */
        Ack: {
            n: number;
            /** @enum {unknown} */
            type: "ack";
        };
        /**
         * Away
         * @description client → gateway. This device lies idle (`away: true`), or is in use again. A user whose
         *         devices all lie idle is away. A device is in use from `hello` on.
         */
        Away: {
            /** @default true */
            away: boolean;
            /** @enum {unknown} */
            type: "away";
        };
        /**
         * Error
         * @description gateway → client. A frame other than `send` was wrong; the connection goes on.
         */
        Error: {
            code: components["schemas"]["ErrorCode"];
            /** @default  */
            field: string;
            /** @default  */
            frame: string;
            message: string;
            /** @default 0 */
            retry_after_ms: number;
            /** @enum {unknown} */
            type: "error";
        };
        /**
         * ErrorCode
         * @description What was wrong with a request or a frame.
         * @enum {unknown}
         */
        ErrorCode: "conflict" | "forbidden" | "internal" | "invalid" | "not_found" | "rate_limited" | "reused_client_msg_id" | "stale" | "too_large" | "unauthenticated" | "unavailable" | "unknown_frame" | "unsupported_type";
        /**
         * Event
         * @description gateway → client. An event of a conversation's log.
         *
         *         Per conversation in order of `seq`, at least once: drop what is not above the last applied
         *         seq; when it is more than one above, fetch what is between (`GET …/events?after_seq=`).
         */
        Event: {
            body: unknown;
            /** @default  */
            client_msg_id: string;
            conversation: string;
            kind: string;
            number: number;
            sender: string;
            seq: number;
            time: string;
            /** @enum {unknown} */
            type: "event";
        };
        /**
         * Expiring
         * @description gateway → client. The token ends soon: send `refresh`, or be closed with 4003.
         */
        Expiring: {
            token_expires_at: string;
            /** @enum {unknown} */
            type: "expiring";
        };
        /**
         * Head
         * @description A conversation and the seq of its newest event.
         */
        Head: [
            string,
            number
        ];
        /**
         * Hello
         * @description client → gateway, first frame, once. Signs the connection in with an access token, or with
         *         a ticket (``POST /connect/account/ticket``), which works once; one of the two.
         */
        Hello: {
            /** @default  */
            agent: string;
            /** @default  */
            ticket: string;
            /** @default  */
            token: string;
            /** @enum {unknown} */
            type: "hello";
        };
        /**
         * Person
         * @description gateway → client. A member of a watched conversation looks different now: this is all that
         *         may have changed of their profile.
         */
        Person: {
            /** @default null */
            avatar: string | null;
            display_name: string;
            /** @default null */
            status: components["schemas"]["PersonStatus"] | null;
            /** @enum {unknown} */
            type: "person";
            user: string;
        };
        /**
         * PersonStatus
         * @description What somebody is up to, until then.
         */
        PersonStatus: {
            /** @default  */
            emoji: string;
            /** @default  */
            text: string;
            /** @default null */
            until: string | null;
        };
        /**
         * Ping
         * @description gateway → client, each heartbeat. Heads that moved and that this connection has not been
         *         sent: fetch what is missing. Answer with `pong`.
         */
        Ping: {
            /** @default [] */
            heads: components["schemas"]["Head"][];
            /** @enum {unknown} */
            type: "ping";
        };
        /**
         * Pong
         * @description client → gateway. Answer to `ping`, within the heartbeat interval.
         */
        Pong: {
            /** @enum {unknown} */
            type: "pong";
        };
        /**
         * Presence
         * @description gateway → client. Presence of members of a watched conversation; without mention: as before.
         *
         *         The first one after `watch` lists all members that are online.
         */
        Presence: {
            conversation: string;
            /** @default false */
            full: boolean;
            /** @enum {unknown} */
            type: "presence";
            users: components["schemas"]["PresentUser"][];
        };
        /**
         * PresentUser
         * @description One user's presence; `away`: none of their devices is in use.
         */
        PresentUser: {
            /** @default null */
            last_seen: string | null;
            /** @enum {unknown} */
            state: "away" | "offline" | "online";
            user: string;
        };
        /**
         * Read
         * @description client → gateway. The user has read the conversation up to `seq`; never goes back.
         */
        Read: {
            conversation: string;
            seq: number;
            /** @enum {unknown} */
            type: "read";
        };
        /**
         * Receipt
         * @description gateway → client. `user` has got and read the conversation up to these seqs.
         */
        Receipt: {
            conversation: string;
            delivered: number;
            read: number;
            /** @enum {unknown} */
            type: "receipt";
            user: string;
        };
        /**
         * Reconnect
         * @description gateway → client. This gateway is about to stop: connect again after `after_ms`.
         */
        Reconnect: {
            after_ms: number;
            /** @enum {unknown} */
            type: "reconnect";
        };
        /**
         * Refresh
         * @description client → gateway. A fresh access token of the same user and session.
         */
        Refresh: {
            token: string;
            /** @enum {unknown} */
            type: "refresh";
        };
        /**
         * Refreshed
         * @description gateway → client. The new token counts.
         */
        Refreshed: {
            token_expires_at: string;
            /** @enum {unknown} */
            type: "refreshed";
        };
        /**
         * Refused
         * @description gateway → client. The message with this `id` is not stored. Retry only where it says so:
         *         `unavailable` and `rate_limited` (after `retry_after_ms`).
         */
        Refused: {
            code: components["schemas"]["ErrorCode"];
            /** @default  */
            field: string;
            id: string;
            message: string;
            /** @default 0 */
            retry_after_ms: number;
            /** @enum {unknown} */
            type: "refused";
        };
        /**
         * Resync
         * @description gateway → client. Live events may have been lost (Redis failed over, or was wiped): call
         *         `GET /v1/sync` with the last cursor, and repeat `watch`, after a random time up to
         *         `within_ms`.
         */
        Resync: {
            /** @enum {unknown} */
            type: "resync";
            within_ms: number;
        };
        /**
         * Send
         * @description client → gateway. A message. Answered by `sent` or `refused` with the same `id`.
         *
         *         A retry uses the same `id` (and conversation), on whatever connection, and never duplicates.
         */
        Send: {
            body: Record<string, never>;
            conversation: string;
            id: string;
            /** @default  */
            trace: string;
            /** @enum {unknown} */
            type: "send";
        };
        /**
         * Sent
         * @description gateway → client. The message is committed: it is event `seq` of the conversation.
         *
         *         This connection gets no `event` frame for it. `repeat` tells that an earlier try had succeeded.
         */
        Sent: {
            conversation: string;
            id: string;
            number: number;
            /** @default false */
            repeat: boolean;
            seq: number;
            time: string;
            /** @enum {unknown} */
            type: "sent";
        };
        /**
         * Typing
         * @description client → gateway: I am typing (repeat every 4 s) or have stopped.
         *         gateway → client, with `user`: someone else is; forget it after 6 s.
         */
        Typing: {
            /** @default true */
            active: boolean;
            conversation: string;
            /** @enum {unknown} */
            type: "typing";
            /** @default  */
            user: string;
        };
        /**
         * Watch
         * @description client → gateway. Follow the presence of these conversations' members; replaces the former
         *         list, answered by `presence` frames, forgotten after 90 s unless repeated.
         */
        Watch: {
            conversations: string[];
            /** @enum {unknown} */
            type: "watch";
        };
        /**
         * Welcome
         * @description gateway → client. Signed in and subscribed: now call `GET /v1/sync`, then apply events.
         */
        Welcome: {
            connection: string;
            heartbeat_s: number;
            limits: {
                [key: string]: number;
            };
            session: string;
            time: string;
            token_expires_at: string;
            /** @enum {unknown} */
            type: "welcome";
            user: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
