"""What people prove themselves with besides the password: setting up, using, taking away.

Every change and every refusal is audited here, whether a page or a program asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from aiohttp import web

from services.auth import audit
from services.auth.addresses import Addresses
from services.auth.audit import Audit
from services.auth.domain import recovery, throttling, totp
from services.auth.domain.factor_policy import FactorPolicy, has_any, is_enough
from services.auth.domain.passkeys import Answer, PasskeyRefused, RelyingParty
from services.auth.factor_records import FactorRecords
from services.auth.notices import TOLD, Notices
from services.auth.records.challenges import Challenges, Purpose
from services.auth.records.enrolments import Enrolments
from services.auth.records.throttles import Throttles
from services.auth.sealing_keys import SealingKeys
from shared.factor_records import Factors, Passkey
from shared.internal import Account
from shared.logs import get_logger

AUTHENTICATOR: Final = "authenticator"
PASSKEY: Final = "passkey"
RECOVERY: Final = "recovery"


class Actor(NamedTuple):
    """Who does something, and in which request."""

    request: web.Request
    account: Account
    client_id: str = ""
    session: str = ""

    @property
    def user(self) -> str:
        """The account's id."""
        return self.account.user


class SecondFactors:
    """One for all people. Methods raise ApiUnavailable, ApiRefused, RedisError, NoSuchPerson."""

    def __init__(
        self,
        records: FactorRecords,
        sealing: SealingKeys,
        party: RelyingParty,
        challenges: Challenges,
        enrolments: Enrolments,
        throttles: Throttles,
        audit: Audit,
        notices: Notices,
        addresses: Addresses,
        policy: FactorPolicy,
        now: Callable[[], float],
    ) -> None:
        self.party = party
        self._records = records
        self._sealing = sealing
        self._challenges = challenges
        self._enrolments = enrolments
        self._throttles = throttles
        self._audit = audit
        self._notices = notices
        self._addresses = addresses
        self._policy = policy
        self._now = now

    async def of(self, user: str) -> Factors:
        """All that a person has set up."""
        return await self._records.of(user)

    def required(self, factors: Factors) -> bool:
        """Whether the person must have one."""
        return self._policy.requires(factors)

    def is_enough(self, factors: Factors) -> bool:
        """Whether the password alone lets this person in."""
        return is_enough(self._policy, factors)

    def ways(self, factors: Factors) -> list[str]:
        """How this person can take the second step, the safest first."""
        ways = []
        if factors.passkeys and self.party.available:
            ways.append(PASSKEY)
        if factors.authenticator is not None:
            ways.append(AUTHENTICATOR)
        if factors.recovery_codes:
            ways.append(RECOVERY)
        return ways

    # --- using --------------------------------------------------------------------------------

    async def check_code(self, by: Actor, text: str) -> bool:
        """Whether it is a code of the person's authenticator application, and was not used before
        (RFC 6238, section 5.2). Raises Throttled, SealingFault."""
        await self._charge(by)
        authenticator = (await self.of(by.user)).authenticator
        code = totp.typed(text)
        step = None
        if authenticator is not None and code:
            secret = self._sealing.unseal(authenticator.sealed, by.user)
            step = totp.matching_step(secret, code, self._now(), authenticator.last_step)
        good = step is not None and await self._records.use_code(by.user, step)
        return await self._checked(by, AUTHENTICATOR, good)

    async def check_recovery_code(self, by: Actor, text: str) -> bool:
        """Whether it is one of the person's recovery codes; it is used up. Raises Throttled."""
        await self._charge(by)
        code = recovery.typed(text)
        good = bool(code) and await self._records.use_recovery_code(
            by.user, recovery.code_hash(by.user, code)
        )
        if good:
            left = (await self.of(by.user)).recovery_codes
            self._note(by, audit.RECOVERY_CODE_USED, f"{left} left")
        return await self._checked(by, RECOVERY, good)

    async def passkey_request(
        self, request: web.Request, purpose: Purpose, holder: str, user: str = ""
    ) -> str:
        """What to ask the browser for: any passkey of ours, or one of a person's. JSON.

        Raises Throttled.
        """
        await self._charge_challenge(request)
        challenge = await self._challenges.issue(purpose, holder, user)
        allowed = (await self.of(user)).passkeys if user else []
        return self.party.request_options(allowed, challenge)

    async def check_passkey(
        self, request: web.Request, text: str, purpose: Purpose, holder: str, user: str = ""
    ) -> Passkey:
        """Whose passkey has answered. Raises :class:`PasskeyRefused`."""
        known = user
        try:
            answer = Answer(text)
            if not await self._challenges.take(answer.challenge, purpose, holder, user):
                raise PasskeyRefused("not a challenge of ours, or not for this, or used")
            passkey = await self._records.passkey(answer.id) if _is_base64url(answer.id) else None
            if passkey is None or (user and passkey.user != user):
                raise PasskeyRefused("an unknown passkey")
            if not user and not answer.user_handle:
                raise PasskeyRefused("it does not say whose it is")  # section 7.2, step 6
            known = passkey.user
            asserted = self.party.asserted(answer, passkey)
            await self._use(request, passkey, asserted.sign_count, asserted.backed_up)
        except PasskeyRefused as refused:
            get_logger().info("passkey_refused", user_id=known, why=str(refused))
            self._audit.note(request, audit.SECOND_STEP_REFUSED, user=known, detail=PASSKEY)
            raise
        return passkey

    async def _use(
        self, request: web.Request, passkey: Passkey, sign_count: int, backed_up: bool
    ) -> None:
        if await self._records.use_passkey(passkey.user, passkey.id, sign_count, backed_up):
            return
        # Two devices hold its key (section 6.1.1), or the answer was recorded and sent again.
        self._audit.note(request, audit.PASSKEY_COPIED, user=passkey.user, detail=passkey.name)
        await self._notices.tell_owner(request, passkey.user, audit.PASSKEY_COPIED)
        raise PasskeyRefused("its counter has not grown")

    # --- setting up ---------------------------------------------------------------------------

    async def begin_authenticator(self, account: Account) -> str:
        """The secret that the person's application is to be given; the same one until it is
        confirmed or some minutes are over. Raises SealingFault."""
        sealed = await self._enrolments.get(account.user)
        if sealed:
            return self._sealing.unseal(sealed, account.user)
        secret = totp.new_secret()
        await self._enrolments.put(account.user, self._sealing.seal(secret, account.user))
        return secret

    async def confirm_authenticator(self, by: Actor, text: str) -> bool:
        """Whether the application has been given the secret: it shows the right code. From now on
        it is asked for. Raises Throttled, SealingFault."""
        await self._charge(by)
        sealed = await self._enrolments.get(by.user)
        code = totp.typed(text)
        if not sealed or not code:
            return False
        secret = self._sealing.unseal(sealed, by.user)
        step = totp.matching_step(secret, code, self._now(), used_step=0)
        if step is None:
            return False
        await self._records.put_authenticator(by.user, sealed, step)
        await self._enrolments.end(by.user)
        await self._charged_back(by)
        self._note(by, audit.FACTOR_ADDED, AUTHENTICATOR)
        return True

    async def passkey_creation(self, by: Actor, holder: str) -> str:
        """What to ask the browser for, JSON. Raises Throttled."""
        await self._charge_challenge(by.request)
        challenge = await self._challenges.issue(Purpose.REGISTER, holder, by.user)
        present = (await self.of(by.user)).passkeys
        return self.party.creation_options(
            by.user, by.account.handle, by.account.display_name, present, challenge
        )

    async def add_passkey(self, by: Actor, holder: str, text: str, name: str) -> str:
        """The id of the new passkey. Raises :class:`PasskeyRefused`, PasskeyTaken,
        TooManyPasskeys."""
        answer = Answer(text)
        if not await self._challenges.take(answer.challenge, Purpose.REGISTER, holder, by.user):
            raise PasskeyRefused("not a challenge of ours, or not for this, or used")
        registered = self.party.registered(answer, name)
        await self._records.put_passkey(by.user, registered.id, registered.record)
        self._note(by, audit.FACTOR_ADDED, PASSKEY)
        return registered.id

    async def new_recovery_codes(self, by: Actor, *, first: bool = False) -> list[str]:
        """Ten, in place of all earlier ones; to be shown once. The ``first`` come with a factor,
        of which the person is told anyway."""
        codes = recovery.new_codes()
        hashes = [recovery.code_hash(by.user, code) for code in codes]
        await self._records.put_recovery_codes(by.user, hashes)
        self._note(by, audit.RECOVERY_CODES_MADE, told=not first)
        return codes

    async def first_recovery_codes(self, by: Actor) -> list[str]:
        """Ten for who has a factor and none of them, else none."""
        factors = await self.of(by.user)
        if factors.recovery_codes or not has_any(factors):
            return []
        return await self.new_recovery_codes(by, first=True)

    # --- taking away --------------------------------------------------------------------------

    async def remove_authenticator(self, by: Actor) -> None:
        """Raises LastFactor."""
        factors = await self.of(by.user)
        if factors.authenticator is None:
            return
        await self._records.remove_authenticator(by.user, keep_one=self.required(factors))
        self._note(by, audit.FACTOR_REMOVED, AUTHENTICATOR)

    async def rename_passkey(self, by: Actor, passkey: str, name: str) -> bool:
        """False when the person has no such passkey."""
        if await self.passkey_of(by.user, passkey) is None:
            return False
        await self._records.rename_passkey(by.user, passkey, name)
        return True

    async def remove_passkey(self, by: Actor, passkey: str) -> bool:
        """False when the person has no such passkey. Raises LastFactor."""
        factors = await self.of(by.user)
        if passkey not in [one.id for one in factors.passkeys]:
            return False
        await self._records.remove_passkey(by.user, passkey, keep_one=self.required(factors))
        self._note(by, audit.FACTOR_REMOVED, PASSKEY)
        return True

    async def passkey_of(self, user: str, passkey: str) -> Passkey | None:
        """One of the person's."""
        return next((one for one in (await self.of(user)).passkeys if one.id == passkey), None)

    # --- operators ----------------------------------------------------------------------------

    async def reset(self, by: Actor, operator: str) -> None:
        """None of this person's is left. The sessions are for the caller to end."""
        await self._records.forget(by.user)
        await self._enrolments.end(by.user)
        self._note(by, audit.FACTORS_RESET, operator)

    async def set_administrator(
        self, request: web.Request, user: str, operator: str, administrator: bool
    ) -> None:
        """Whether the policy for administrators means this person."""
        await self._records.set_administrator(user, administrator)
        detail = f"{'on' if administrator else 'off'} {operator}".strip()
        self._audit.note(request, audit.ADMINISTRATOR_CHANGED, user=user, detail=detail)

    # --- throttles and audit ------------------------------------------------------------------

    async def _charge(self, by: Actor) -> None:
        address = self._addresses.of(by.request)
        await self._throttles.charge_second_step(by.user, by.account.handle, address)

    async def _charged_back(self, by: Actor) -> None:
        address = self._addresses.of(by.request)
        await self._throttles.second_step_done(by.user, by.account.handle, address)

    async def _charge_challenge(self, request: web.Request) -> None:
        address = self._addresses.of(request)
        await self._throttles.charge(f"challenge\n{address}", throttling.CHALLENGE)

    async def _checked(self, by: Actor, way: str, good: bool) -> bool:
        if good:
            await self._charged_back(by)
        else:
            self._note(by, audit.SECOND_STEP_REFUSED, way)
        return good

    def _note(self, by: Actor, what: str, detail: str = "", *, told: bool = True) -> None:
        self._audit.note(
            by.request, what, user=by.user, client_id=by.client_id, session=by.session,
            detail=detail,
        )  # fmt: skip
        if told and what in TOLD:
            kind = detail if what in (audit.FACTOR_ADDED, audit.FACTOR_REMOVED) else ""
            self._notices.tell(by.request, by.account, what, kind)


def _is_base64url(text: str) -> bool:
    """Whether a text from outside may stand in a path."""
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()
