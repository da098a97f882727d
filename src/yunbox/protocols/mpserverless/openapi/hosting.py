"""Actions on static web hosting."""

from __future__ import annotations

from typing import Any

from yunbox.protocols.mpserverless.openapi.action import Action, Handler
from yunbox.protocols.mpserverless.openapi.spaces import unsupported


async def not_hosted(action: Action) -> dict[str, Any]:
    raise unsupported(f"{action.name}: this server hosts no web sites / 暂不提供静态网站托管")


async def status(action: Action) -> dict[str, Any]:
    return {"Data": {"SpaceId": action.space.id, "Status": "CLOSED"}}


ACTIONS: dict[str, Handler] = {
    "GetWebHostingStatus": status,
    **dict.fromkeys(
        (
            "AttachWebHostingCertificate",
            "BatchDeleteWebHostingFiles",
            "BindWebHostingCustomDomain",
            "DeleteWebHostingCertificate",
            "DeleteWebHostingFile",
            "DescribeWebHostingFile",
            "GetWebHostingCertificateDetail",
            "GetWebHostingConfig",
            "GetWebHostingDomainVerificationContent",
            "GetWebHostingUploadCredential",
            "ListWebHostingCustomDomains",
            "ListWebHostingFiles",
            "ModifyWebHostingConfig",
            "OpenWebHostingService",
            "RefreshWebHostingCustomDomainCache",
            "SaveWebHostingCustomDomainConfig",
            "SaveWebHostingCustomDomainCorsConfig",
            "UnbindWebHostingCustomDomain",
            "VerifyWebHostingDomainOwner",
        ),
        not_hosted,
    ),
}
