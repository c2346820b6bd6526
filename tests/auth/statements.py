# ruff: noqa: E501 - a row is a line, or the table cannot be read
"""The security statements: what must hold, who says so, and the test that tries to break it.

``python -m tests.auth.statements`` prints them as the table of docs/threat-model.md. Sources: RFC
and section; ASVS is OWASP's Application Security Verification Standard 4.0.3.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Statement(NamedTuple):
    """``test``: file under tests/ without its ending, two colons, function."""

    group: str
    text: str
    source: str
    test: str


def _group(name: str, *rows: tuple[str, str, str]) -> list[Statement]:
    return [Statement(name, *row) for row in rows]


STATEMENTS: Final = [
    *_group(
        "OAuth",
        ("Redirect URIs match by characters: case, slash, user information and encoding count",
         "RFC 9700, 2.1", "auth/test_rules::test_redirect_uris"),
        ("A client cannot register a redirect URI with fragment, user information or plain http",
         "RFC 6749, 3.1.2", "auth/test_rules::test_redirect_uris_that_may_be_registered"),
        ("With an unknown client or redirect URI, the person is told and nobody is redirected",
         "RFC 6749, 4.1.2.1", "auth/test_code_flow::test_person_is_told_when_the_client_is_not_certain"),
        ("Duplicated client or redirect URI: no redirect either",
         "RFC 6749, 3.1", "auth/test_code_flow::test_duplicated_client_or_redirect_uri_is_not_answered_by_redirect"),
        ("Other duplicated parameters of an authorization request are refused",
         "RFC 6749, 3.1", "auth/test_code_flow::test_duplicated_parameters_are_refused"),
        ("Implicit and hybrid flow, PKCE plain or none, and request objects are refused",
         "RFC 9700, 2.1.1", "auth/test_code_flow::test_faults_are_told_to_the_client"),
        ("The response names the issuer and keeps the state",
         "RFC 9207, 2", "auth/test_code_flow::test_response_names_the_issuer_and_keeps_the_state"),
        ("A code is bound to client, redirect URI and verifier",
         "RFC 7636, 4.6", "auth/test_code_flow::test_code_is_worth_nothing_without_the_rest_of_its_request"),
        ("A code expires", "RFC 6749, 4.1.2", "auth/test_code_flow::test_code_expires"),
        ("A replayed code ends the session made from it",
         "RFC 6749, 4.1.2", "auth/test_code_flow::test_code_replay_ends_the_session_that_was_made_from_it"),
        ("A code redeemed many times in parallel leaves no live session",
         "RFC 6749, 10.5", "auth/test_code_flow::test_code_redeemed_many_times_at_once_leaves_no_live_session"),
        ("A verifier has 43 to 128 unreserved characters",
         "RFC 7636, 4.1", "auth/test_rules::test_only_texts_of_the_right_form_are_verifiers"),
        ("Applications of others need consent",
         "RFC 6749, 10.2", "auth/test_code_flow::test_third_party_needs_consent_once"),
        ("A private scheme, which any program can claim, gets nothing without a click",
         "RFC 8252, 8.6", "auth/test_code_flow::test_private_scheme_is_never_answered_without_consent"),
        ("A loopback client gets a second code only after a click",
         "RFC 8252, 8.6", "auth/test_code_flow::test_second_request_of_a_native_application_needs_a_click"),
        ("After signing in, people are led to our own pages only",
         "RFC 9700, 4.11.2", "auth/test_rules::test_continuation_leads_to_our_pages_only"),
        ("Duplicated parameters at the token endpoint are refused",
         "RFC 6749, 3.2", "auth/test_token_endpoint::test_duplicated_parameters_are_refused"),
        ("Parameters in the token endpoint's URL do not count",
         "RFC 6749, 2.3.1", "auth/test_token_endpoint::test_parameters_count_in_the_body_only"),
        ("A confidential client needs its secret for every grant",
         "RFC 6749, 3.2.1", "auth/test_token_endpoint::test_confidential_client_needs_its_secret_for_every_grant"),
        ("A client gets no scope and no grant beyond its own",
         "RFC 6749, 3.3", "auth/test_token_endpoint::test_scope_beyond_the_clients_own_is_refused"),
        ("Guessing user codes of devices is throttled",
         "RFC 8628, 5.1", "auth/test_device_flow::test_guessing_user_codes_is_throttled"),
        ("A link that carries the user code still asks",
         "RFC 8628, 5.4", "auth/test_device_flow::test_link_with_the_code_still_asks"),
        ("Only authenticated services may introspect",
         "RFC 7662, 2.1", "auth/test_introspection::test_only_authenticated_services_may_ask"),
        ("Introspection tells nothing about a token that is not good",
         "RFC 7662, 2.2", "auth/test_introspection::test_nonsense_and_other_tokens_are_inactive"),
        ("Signing out leads to registered addresses only",
         "RP-Initiated Logout, 3", "auth/test_end_session::test_nobody_is_sent_elsewhere"),
    ),
    *_group(
        "Tokens",
        ("Forged JWTs are refused: none, HS256 with the public key, another key, jwk in the header",
         "RFC 8725, 3.1", "auth/test_keys::test_forged_tokens_are_not_accepted"),
        ("Tokens with a wrong or hostile header are refused",
         "RFC 8725, 3.10", "shared/test_tokens::test_a_token_with_a_wrong_header_is_refused"),
        ("Tokens with a wrong issuer, audience or time are refused",
         "RFC 9068, 4", "shared/test_tokens::test_a_token_with_wrong_claims_is_refused"),
        ("An ID token is no access token",
         "RFC 9068, 4", "shared/test_tokens::test_an_id_token_is_no_access_token"),
        ("A user's token opens nothing inside",
         "RFC 9700, 2.3", "auth/test_token_endpoint::test_user_token_is_no_service_token"),
        ("Unknown key ids cause a bounded number of fetches",
         "RFC 8725, 3.10", "shared/test_tokens::test_unknown_keys_cause_one_fetch_and_no_more"),
        ("Published keys hold nothing private",
         "RFC 7517, 9.2", "auth/test_keys::test_public_keys_hold_nothing_private"),
        ("No good token is refused while keys rotate",
         "OpenID Connect Core, 10.1.1", "auth/test_key_rotation::test_no_token_is_refused_while_keys_rotate"),
        ("A refresh token that is used again ends its session, everywhere",
         "RFC 9700, 4.14.2", "auth/test_refresh::test_reuse_ends_the_family_and_tells_everybody"),
        ("50 parallel refreshes leave one live successor",
         "RFC 9700, 4.14.2", "auth/test_refresh::test_50_parallel_refreshes_leave_one_live_successor"),
        ("A lost answer is not given again once its successor was used",
         "RFC 9700, 4.14.2", "auth/test_refresh::test_no_retry_once_the_successor_was_used"),
        ("A refresh token is bound to its client",
         "RFC 6749, 6", "auth/test_refresh::test_token_of_another_client_is_unknown_and_unharmed"),
        ("Refreshing never widens the scope",
         "RFC 6749, 6", "auth/test_refresh::test_scope_may_be_narrowed_and_never_widened"),
        ("No client can revoke another's token",
         "RFC 7009, 2.1", "auth/test_refresh::test_revocation_of_another_clients_token_does_nothing"),
        ("Refresh tokens are not stored in clear",
         "ASVS 2.4.1", "auth/test_refresh::test_tokens_are_not_kept_in_clear"),
    ),
    *_group(
        "Passwords",
        ("Common passwords and those with the handle are refused; any script is welcome",
         "ASVS 2.1.7", "auth/test_rules::test_password_policy"),
        ("Hashes are salted argon2id", "ASVS 2.4.1", "auth/test_small_parts::test_hashes_are_argon2id_and_salted"),
        ("Unknown handle and wrong password get the same answer",
         "ASVS 2.2.1", "auth/test_pages::test_wrong_password_and_unknown_handle_get_the_same_answer"),
        ("An unknown handle costs as much time as a known one",
         "ASVS 2.2.1", "auth/test_pages::test_unknown_handle_costs_a_hash_like_any_other"),
        ("Guessing is throttled without locking the owner out",
         "ASVS 2.2.1", "auth/test_pages::test_guessing_is_throttled_without_locking_the_owner_out"),
        ("A flood of sign-ins fills a bounded queue and nothing else",
         "ASVS 11.1.4", "auth/test_small_parts::test_full_queue_refuses_at_once_and_recovers"),
        ("A stolen access token does not help to guess the password",
         "ASVS 2.1.6", "auth/test_account::test_guessing_with_a_stolen_token_is_throttled"),
        ("A changed password ends all other sessions",
         "ASVS 3.3.3", "auth/test_account::test_changed_password_ends_all_other_sessions"),
    ),
    *_group(
        "Sessions",
        ("People see and end their sessions",
         "ASVS 3.3.4", "auth/test_account::test_sessions_are_listed_and_ended"),
        ("Nobody ends another's session",
         "ASVS 4.2.1", "auth/test_account::test_sessions_of_others_cannot_be_ended"),
        ("Applications of others cannot manage the account",
         "ASVS 4.1.3", "auth/test_account::test_applications_of_others_may_not_manage_the_account"),
        ("Cookies are HttpOnly and SameSite",
         "ASVS 3.4.2", "auth/test_pages::test_cookies_are_out_of_reach_of_scripts_and_other_sites"),
        ("Over TLS cookies are Secure and bound to the host",
         "ASVS 3.4.4", "auth/test_pages::test_cookies_insist_on_tls_where_there_is_tls"),
        ("The browser client's refresh token is told to no script",
         "ASVS 3.4.2", "auth/test_browser_tokens::test_no_refresh_token_is_told_to_scripts"),
        ("Its cookie works from our own origin only",
         "ASVS 4.2.2", "auth/test_browser_tokens::test_cookie_works_from_our_own_origin_only"),
        ("A form without the token of its page is refused",
         "ASVS 4.2.2", "auth/test_pages::test_form_without_its_token_is_refused"),
        ("A form from another origin is refused",
         "ASVS 4.2.2", "auth/test_pages::test_form_from_another_origin_is_refused"),
        ("Other sites cannot sign people out",
         "RP-Initiated Logout, 6", "auth/test_end_session::test_other_sites_cannot_sign_people_out"),
    ),
    *_group(
        "WebSocket",
        ("Only known origins may upgrade",
         "RFC 6455, 10.2", "gateway/test_signin::test_only_known_origins_may_upgrade"),
        ("A socket without a token is closed in time",
         "RFC 6455, 10.5", "gateway/test_signin::test_no_hello_in_time"),
        ("No frame counts before a good token",
         "RFC 6455, 10.5", "gateway/test_signin::test_a_frame_before_hello_ends_it"),
        ("A socket cannot become another user's or session's",
         "RFC 6455, 10.5", "gateway/test_signin::test_a_token_of_another_session_does_not"),
        ("A revoked session is out on all its sockets",
         "RFC 7009, 2.1", "gateway/test_signin::test_a_revoked_session_is_out_on_all_its_sockets"),
    ),
    *_group(
        "Pages and headers",
        ("Pages have no scripts and cannot be framed",
         "ASVS 14.4.3", "auth/test_pages::test_pages_have_no_scripts_and_cannot_be_framed"),
        ("What people type is escaped", "ASVS 5.3.3", "auth/test_pages::test_what_people_type_is_escaped"),
        ("A client cannot claim another address",
         "ASVS 11.1.4", "auth/test_pages::test_address_is_taken_from_the_trusted_proxy_only"),
        ("Huge bodies are refused", "ASVS 12.1.1", "auth/test_service::test_huge_bodies_are_refused"),
    ),
    *_group(
        "Logs and audit",
        ("No password, token or code is in a log or metric",
         "ASVS 7.1.1", "auth/test_service::test_logs_and_metrics_hold_no_secrets"),
        ("What somebody typed is in no audit event",
         "ASVS 7.1.1", "auth/test_audit::test_what_was_typed_is_in_no_event"),
        ("Sign-ins, refusals and sign-outs are recorded with who, when and from where",
         "ASVS 7.1.3", "auth/test_audit::test_sign_in_refusal_and_sign_out"),
        ("Recorded events cannot be changed or removed", "ASVS 7.3.3", "auth/test_audit::test_table_only_grows"),
    ),
]  # fmt: skip


def table(statements: list[Statement]) -> str:
    """As Markdown, a row each."""
    head = "| group | statement | source | test |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {row.group} | {row.text} | {row.source} | `tests/{row.test.replace('::', '.py::')}` |\n"
        for row in statements
    )


if __name__ == "__main__":
    print(table(STATEMENTS), end="")
