"""Names that sound like secrets: what masking hides, and what findings say was sent.

Three circles, each a list of words of its own:

* a *secret* (:func:`is_secret`) is anything that masking had better hide: it errs on the side of hiding;
* a *password* (:func:`is_password`) is what a person types to prove who they are (or a card's check number);
* a *key* (:func:`is_key`) opens an account by itself: access tokens, API keys, session ids. Tokens that only protect a
  form (CSRF) and codes that work once are none.

The last two are what a finding accuses somebody of sending, so they err on the other side.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

_SECRET = re.compile(
    r"(?:^|[-_.\[\]])(?:api[-_]?key|apikey|key|auth|authorization|oauth[-_]?\w*|token|tokens|secret|password|passwd|"
    r"passphrase|pass|pwd|pw|session|sessionid|jsessionid|phpsessid|sid|csrf|xsrf|credential|credentials|signature|"
    r"sig|sign|otp|jwt|ticket|assertion|samlresponse|samlrequest|nonce|hmac|cvv|cvv2|cvc|cvc2)(?:[-_.\[\]]|$)"
    r"|^(?:code|pin|hash)$|(?:auth|access|verification|security)[-_]?code$|token$|secret$|password$|passwd$"
    r"|pwd$|pass$|passcode$|passphrase$|apikey$|sessionid$|sessid$|accesskey(?:id)?$|signature$|credential$|authcode$"
    r"|passwort$|kennwort$|contrase(?:n|ñ)a$|senha$|motdepasse$|wachtwoord$|parola$",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"(?:^|[-_.\[\]$:])(?:password|passwd|passwrd|passphrase|passcode|pass|pwd|pswd|psw|pw|otp|passwort|kennwort|"
    r"contrase(?:n|ñ)a|senha|mdp|motdepasse|wachtwoord|parola|cvv|cvv2|cvc|cvc2)(?:[-_.\[\]]|$)"
    r"|password$|passwd$|pwd$|passwort$|(?:user|login|usr|my|new|old|enc|mail|db|admin|auth)pass$",
    re.IGNORECASE,
)
_KEY_NAMES = (
    "token accesstoken authtoken idtoken refreshtoken apitoken usertoken bearer bearertoken jwt apikey xapikey "
    "apisecret clientsecret secret secretkey privatekey authkey session sessionid sessid sessionkey sessiontoken "
    "jsessionid phpsessid aspsessionid"
)
_KEYS = frozenset(_KEY_NAMES.split())
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS = re.compile(r"[-_.\s]+")
_LAST_WORD = re.compile(r"[^.\[\]]+")


LOOKED_AT = 256
"""Characters of a name that are looked at, half of them at its end; longer ones are no names but made to take time."""


def _looked_at(name: str) -> str:
    return name if len(name) <= LOOKED_AT else f"{name[: LOOKED_AT // 2]}.{name[-LOOKED_AT // 2 :]}"


@lru_cache(maxsize=8192)
def _circle(name: str) -> int:
    """Return which circle a name is in: 3 a password, 2 a key, 1 any other secret, 0 none."""
    plain = unquote(name).strip().rstrip("0123456789")
    split = _CAMEL.sub("_", plain)
    if _PASSWORD.search(split) is not None or _PASSWORD.search(plain) is not None:
        return 3
    words = _LAST_WORD.findall(name)
    if words and _JOINTS.sub("", words[-1].lower()) in _KEYS:
        return 2
    return 1 if _SECRET.search(split) is not None or _SECRET.search(plain) is not None else 0


def is_secret(name: str) -> bool:
    """Tell whether a parameter's name (percent-decoded, camelCase split, without a number) sounds like a secret."""
    return _circle(_looked_at(name)) > 0


def is_password(name: str) -> bool:
    """Tell whether a form field's name says that it holds a password."""
    return _circle(_looked_at(name)) == 3


def is_key(name: str) -> bool:
    """Tell whether a parameter's name says that its value alone opens an account: a token, API key or session id."""
    return _circle(_looked_at(name)) == 2
