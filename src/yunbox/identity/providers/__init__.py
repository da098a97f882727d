"""Login providers, one module each."""

from yunbox.identity.providers.alipay import Alipay
from yunbox.identity.providers.developer import developer_user
from yunbox.identity.providers.dingtalk import DingTalk
from yunbox.identity.providers.provider import App, PlatformUser, Provider
from yunbox.identity.providers.wechat import WECHAT_PUBLIC, WECHAT_WEB, WeChat, WeChatWeb

__all__ = [
    "WECHAT_PUBLIC",
    "WECHAT_WEB",
    "Alipay",
    "App",
    "DingTalk",
    "PlatformUser",
    "Provider",
    "WeChat",
    "WeChatWeb",
    "developer_user",
]
