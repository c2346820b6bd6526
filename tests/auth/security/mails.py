"""Statements about what is sent by mail: codes, links, and what an address gives away."""

from __future__ import annotations

from tests.auth import test_mail as mail
from tests.auth.security.statements import Group

group = Group("Mail", "M", "mail")

for _text, _source, _check in (
    ("A link that resets a password works once", "ASVS 2.5.6",
     mail.test_forgotten_password_is_set_anew),
    ("Of two links that reset a password one works", "ASVS 2.5.6",
     mail.test_two_links_change_one_password),
    ("A link that resets a password ends after half an hour", "ASVS 2.7.2",
     mail.test_reset_link_is_good_for_half_an_hour),
    ("A link to a disabled account resets nothing", "ASVS 4.1.1",
     mail.test_disabled_account_gets_no_link),
    ("Asking for a link gives an unknown address the same answer, and no mail", "ASVS 2.2.1",
     mail.test_unknown_address_gets_the_same_answer_and_no_mail),
    ("Programs are told the same of every address", "ASVS 2.2.1",
     mail.test_link_by_json_says_the_same_to_everybody),
    ("A link that proves an address works once, and not by being opened", "ASVS 2.7.3",
     mail.test_address_is_proved_by_the_link_and_not_by_opening_it),
    ("A code that proves an address is not guessed", "ASVS 2.7.6", mail.test_code_is_not_guessed),
    ("Code and link that prove an address end after half an hour", "ASVS 2.7.2",
     mail.test_code_is_good_for_half_an_hour),
    ("An address belongs to one account, and only its owner is told so", "ASVS 2.2.1",
     mail.test_address_of_another_account_is_refused_once_proved),
    ("An address is changed after a fresh sign-in only", "ASVS 3.7.1",
     mail.test_address_is_changed_only_by_who_has_just_signed_in),
    ("The old address is told of a change", "ASVS 2.2.3",
     mail.test_old_address_is_told_of_the_new_one),
    ("Nobody's mailbox is flooded", "ASVS 11.1.4", mail.test_nobodys_mailbox_is_flooded),
):  # fmt: skip
    group.row(_text, _source, _check)
