"""What a caller can ask of SES, API of 2010; and the parts that the API of 2019 (sesv2) asks for as well."""

from emulator.services.ses.operations.dialect import V1, V2, Dialect, blob, draft_from, tags_from
from emulator.services.ses.operations.mail import SesOperations
from emulator.services.ses.operations.sending import DELIVER

__all__ = ["DELIVER", "V1", "V2", "Dialect", "SesOperations", "blob", "draft_from", "tags_from"]
