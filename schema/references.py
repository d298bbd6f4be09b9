"""Types that others point back to, named without importing the module that holds them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema.procedures import Procedure
    from schema.requests import ServiceRequest
    from schema.storage import StoredDocument

ProcedureReference = Annotated["Procedure", strawberry.lazy("schema.procedures")]
ServiceRequestReference = Annotated["ServiceRequest", strawberry.lazy("schema.requests")]
StoredDocumentReference = Annotated["StoredDocument", strawberry.lazy("schema.storage")]
