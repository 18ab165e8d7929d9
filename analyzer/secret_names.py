"""Names that sound like secrets: what masking hides, and what findings say was sent.

Three circles, each a list of words of its own:

* a *secret* (:func:`is_secret`) is anything that masking had better hide: it errs on the side of hiding. Names of
  parameters, of JSON members and of headers are all looked up here;
* a *password* (:func:`is_password`) is what a person types to prove who they are (or a card's check number);
* a *key* (:func:`is_key`) opens an account by itself: access tokens, API keys, session ids. Tokens that only protect a
  form (CSRF) and codes that work once are none.

The last two are what a finding accuses somebody of sending, so they err on the other side.

Names are read as programs read them: percent-decoded (twice: a parameter's name may lie in a URL that is a parameter
itself), without control characters and blanks, with or without joints, and with camelCase taken apart.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

_BEGIN, _END = r"(?:^|[-_.:$\[\]])", r"(?:[-_.:\[\]]|$)"
_SECRET = re.compile(
    rf"{_BEGIN}(?:api[-_]?key|apikey|key|auth|authorization|authentication|oauth[-_]?\w*|token|tokens|secret|secrets|"
    r"passwords?|passwd|passphrase|pass|pwd|pw|session|sessionid|jsessionid|phpsessid|sid|csrf|xsrf|credential|"
    r"credentials|signature|sig|sign|otp|totp|hotp|jwt|dpop|ticket|assertion|samlresponse|samlrequest|wresult|macaroons?|"
    r"sso|nonce|hmac|cvv|cvv2|cvc|cvc2|ssn|cookies?|mdp|pswd|psw|bearer|"
    rf"(?:device|sms|mfa|2fa|otp|totp|one[-_]?time)[-_]?code|(?:card|cc)[-_]?(?:number|num|no)|creditcard){_END}"
    rf"|^(?:code|pin|hash)$|{_BEGIN}(?:pin|pin[-_]?code)$|(?:auth|access|verification|security)[-_]?code$"
    r"|^(?:passw(?:ord|d|ort)|kennwort)|code[-_]?verifier$|(?:tokens?|secret|passwords?|passwd)$|pwd$|(?<!com)(?<!by)(?<!sur)pass$|passcode$"
    r"|passphrase$|cookie$|sessionid$|sessid$|accesskey(?:id)?$|signature$|credential$|authcode$"
    r"|(?:api|sub(?:scription)?|user|master|function|app|application|client|consumer|account|admin|auth|access|private|"
    r"secret|session|licen[sc]e|encryption|signing|shared|security|storage|activation|recovery|login)key$"
    r"|passwort$|kennwort$|contrase(?:n|ñ)a$|senha$|motdepasse$|wachtwoord$|parola$",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"(?:^|[-_.])(?:public|cache|sort|foreign|surrogate|idempotency|partition|host)[-_.]?key(?:id|s)?$"
    r"|^sec-websocket-key\d?$|^public-key-pins|^access-control-|^x-cache-key|^cookies?[-_]?(?:consent|policy|law|notice|"
    r"accepted|enabled|allowed)$|^xkey$"
    r"|^(?:publickey|identity|otp)-credentials(?:-get|-create)?$",
    re.IGNORECASE,
)
"""Names with such a word in them that are known to hold nothing to hide."""
_PASSWORD = re.compile(
    r"(?:^|[-_.\[\]$:])(?:password|passwd|passwrd|passphrase|passcode|pass|pwd|pswd|psw|pw|otp|passwort|kennwort|"
    r"contrase(?:n|ñ)a|senha|mdp|motdepasse|wachtwoord|parola|cvv|cvv2|cvc|cvc2)(?:[-_.\[\]]|$)"
    r"|password$|passwd$|pwd$|passwort$|(?:user|login|usr|my|new|old|enc|mail|db|admin|auth)pass$"
    r"|^(?:password|passwd|passwort)(?:confirm(?:ation|ed)?|again|repeat(?:ed)?|retype|verify|new|old|check)$",
    re.IGNORECASE,
)
_KEY_NAMES = (
    "token accesstoken authtoken idtoken refreshtoken apitoken usertoken bearer bearertoken jwt apikey xapikey "
    "apisecret clientsecret secret secretkey privatekey authkey session sessionid sessid sessionkey sessiontoken "
    "jsessionid phpsessid aspsessionid subscriptionkey userkey"
)
_KEYS = frozenset(_KEY_NAMES.split())
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS = re.compile(r"[-_.\s]+")
_LAST_WORD = re.compile(r"[^.\[\]]+")
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\ufeff]+|%(?:0[0-9a-f]|20|7f)", re.IGNORECASE)
_WRITTEN_OUT = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")


LOOKED_AT = 256
"""Characters of a name that are looked at, half of them at its end; longer ones are no names but made to take time."""


def _looked_at(name: str) -> str:
    return name if len(name) <= LOOKED_AT else f"{name[: LOOKED_AT // 2]}.{name[-LOOKED_AT // 2 :]}"


def _plain(name: str) -> str:
    """Return a name as a program would read it: escapes undone, nothing unseen in it, quotes and numbers cut off."""
    if "%" in name:
        name = unquote(unquote(name))
    if "\\" in name:
        name = _WRITTEN_OUT.sub(lambda found: chr(int(found[1] or found[2], 16)), name)
    return _UNSEEN.sub("", name.replace("+", " ")).strip("'\"`()<>{}*!,;:").rstrip("0123456789")


@lru_cache(maxsize=8192)
def _circle(name: str) -> int:
    """Return which circle a name is in: 3 a password, 2 a key, 1 any other secret, 0 none."""
    plain = _plain(name)
    split = _CAMEL.sub("_", plain)
    if _OPEN.search(plain) is not None or _OPEN.search(split) is not None:
        return 0
    if _PASSWORD.search(split) is not None or _PASSWORD.search(plain) is not None:
        return 3
    words = _LAST_WORD.findall(plain)
    if words and _JOINTS.sub("", words[-1].lower()) in _KEYS:
        return 2
    return 1 if _SECRET.search(split) is not None or _SECRET.search(plain) is not None else 0


def is_secret(name: str) -> bool:
    """Tell whether the name of a parameter or header (escapes undone, camelCase split) sounds like a secret."""
    return _circle(_looked_at(name)) > 0


def is_password(name: str) -> bool:
    """Tell whether a form field's name says that it holds a password."""
    return _circle(_looked_at(name)) == 3


def is_key(name: str) -> bool:
    """Tell whether a parameter's name says that its value alone opens an account: a token, API key or session id."""
    return _circle(_looked_at(name)) == 2
