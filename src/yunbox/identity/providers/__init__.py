"""Login providers, one module each."""

from yunbox.identity.providers.developer import developer_user
from yunbox.identity.providers.provider import App, PlatformUser, Provider
from yunbox.identity.providers.wechat import WeChat

__all__ = ["App", "PlatformUser", "Provider", "WeChat", "developer_user"]
