"""``register``, ``login``, ``logout``, ``whoami``."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from argparse import Namespace

from agileim.cli.output import Output
from agileim.errors import SignedOut
from agileim.oauth import Device
from agileim.profiles import Profile, ProfileFile
from agileim.sign_in import sign_in_with_browser, sign_in_with_device, sign_out

DEFAULT_URL = "http://127.0.0.1:8080"


def note(text: str) -> None:
    """Tell the person something, wherever the output goes."""
    print(text, file=sys.stderr, flush=True)


def has_browser() -> bool:
    """Whether a browser with windows can be expected to open."""
    if os.environ.get("BROWSER"):
        return True
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


async def login(options: Namespace, output: Output) -> None:
    """Sign the profile in; with ``register`` the page for a new account opens first."""
    register = options.command == "register"
    file = ProfileFile(options.profile)
    url = (options.url or DEFAULT_URL).rstrip("/")
    if options.no_browser or not has_browser():
        profile = await sign_in_with_device(
            url, file, show=lambda device: _show_device(device, register)
        )
    else:
        profile = await sign_in_with_browser(url, file, open_url=_open, register=register)
    if output.as_json:
        output.json({"profile": file.name, **_public(profile)})
    output.say(f"Signed in to {profile.url} as @{profile.handle} (profile {file.name})")


async def logout(options: Namespace, output: Output) -> None:
    """End the session and forget the profile."""
    file = ProfileFile(options.profile)
    known = await sign_out(file)
    if not known:
        raise SignedOut(f"nobody is signed in as profile {file.name!r}")
    if output.as_json:
        output.json({"profile": file.name, "signed_in": False})
    output.say(f"Signed out (profile {file.name})")


async def whoami(options: Namespace, output: Output) -> None:
    """Show the profile."""
    file = ProfileFile(options.profile)
    profile = file.read()
    if profile is None:
        raise SignedOut(f"nobody is signed in as profile {file.name!r}")
    if output.as_json:
        output.json({"profile": file.name, **_public(profile)})
    output.say(f"@{profile.handle} at {profile.url} (profile {file.name})")


def _public(profile: Profile) -> dict[str, str]:
    return {"url": profile.url, "user": profile.user, "handle": profile.handle}


def _open(url: str) -> None:
    note(f"Your browser opens to sign you in. If it does not, visit:\n\n  {url}\n")
    # Some browsers ($BROWSER, those in the terminal) keep the caller until they are closed.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _show_device(device: Device, register: bool) -> None:
    first = "make your account or sign in, and enter" if register else "and enter"
    note(f"On any device, visit\n\n  {device.verification_uri}\n")
    note(f"{first} this code:\n\n  {device.user_code}\n")
    if device.verification_uri_complete:
        note(f"or go there directly: {device.verification_uri_complete}\n")
    note("Waiting…")
