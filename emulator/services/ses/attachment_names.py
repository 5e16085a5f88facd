"""Names of attachments: which SES takes. Pure.

Extensions are those of the developer guide, "Amazon SES unsupported attachment types" [D]. Characters are those for
which API v2 has been seen to answer BadRequestException [P]; the texts of both refusals are unverified.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable

from emulator.services.ses.model import Refused

_LISTED = """
ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib
lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml
msh2xml msi msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1 psc2 tmp
url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk
"""
RESTRICTED = frozenset(_LISTED.split())
FORBIDDEN_CHARACTERS = frozenset('/\\:*?"<>|')
_KINDS = mimetypes.MimeTypes()
"""The standard library's own table: the same on every machine."""


def check(names: Iterable[str]) -> None:
    """Refuse attachments of a complete message whose extensions SES does not take."""
    for name in names:
        if _extension(name) in RESTRICTED:
            raise Refused(f"Illegal filename '{_shown(name)}'.")


def named(name: str, content_type: str) -> str:
    """What an attachment of API v2 is called: one without an extension gets that of its type ("FileName … must include
    file extension … If not provided, SES will derive" it from ContentType [D]). Raises `Refused`."""
    if FORBIDDEN_CHARACTERS & set(name):
        raise Refused(f"Illegal filename '{_shown(name)}'.")
    if not _extension(name):
        derived = _KINDS.guess_extension(content_type.partition(";")[0].strip().lower())
        if derived is None:
            raise Refused(f"Illegal filename '{_shown(name)}': it has no file extension.")
        name = (name.rstrip(".") or "attachment") + derived
    check([name])
    return name


def _extension(name: str) -> str:
    """Whatever follows the last dot, in small letters; blanks behind it mislead nobody."""
    return name.rstrip().rpartition(".")[2].lower() if "." in name else ""


def _shown(name: str) -> str:
    return name.encode("ascii", "replace").decode()[:76]
