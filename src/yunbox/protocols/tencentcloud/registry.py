"""Every action of the cloud API and the function that answers it, and those that have nothing behind them here."""

from __future__ import annotations

from yunbox.protocols.tencentcloud import (
    access,
    answers,
    collections,
    commands,
    environments,
    functions,
    hosting,
    invocations,
    migrations,
    permissions,
    restores,
    triggers,
    usage,
    users,
    versions,
)
from yunbox.protocols.tencentcloud.call import Handler

ACTIONS: dict[str, Handler] = {
    **access.ACTIONS,
    **answers.ACTIONS,
    **collections.ACTIONS,
    **commands.ACTIONS,
    **environments.ACTIONS,
    **functions.ACTIONS,
    **hosting.ACTIONS,
    **invocations.ACTIONS,
    **migrations.ACTIONS,
    **permissions.ACTIONS,
    **restores.ACTIONS,
    **triggers.ACTIONS,
    **usage.ACTIONS,
    **users.ACTIONS,
    **versions.ACTIONS,
}

_NO_CONTAINERS = (
    "this server runs functions, no containers, applications or agents / 本服务不提供云托管、云应用与智能体"
)
_NO_SQL = "there is no SQL database here, only documents / 本服务仅提供文档型数据库"
_NO_BILLING = "this server does not bill / 自建服务不计费，无套餐与订单"
_NO_MODELS = "there are no AI models here / 本服务不提供大模型"
_NO_ROLES = "there are no members and roles here / 本服务不提供成员与角色管理"
_NO_KEYS = "keys are those of `yunbox space show SPACE` / 请使用 yunbox space show 的密钥"
_PROVIDERS = "register platform apps with `yunbox app add` / 请使用 yunbox app add 注册登录应用"

SERVICES = {
    "ags": "there are no sandboxes here / 本服务不提供沙箱",
    "billing": _NO_BILLING,
    "cynosdb": _NO_SQL,
    "lowcode": "there are no low-code applications here / 本服务不提供微搭低代码",
    "tcbr": _NO_CONTAINERS,
}
"""Products of the vendor of which nothing is here, but what :data:`ACTIONS` names."""

_GROUPS: dict[str, tuple[str, ...]] = {
    _NO_CONTAINERS: (
        "CreateAgent", "CreateBot", "CreateCloudApp", "DeleteAgent", "DeleteCloudApp", "DeleteCloudAppVersion",
        "DescribeAgentList", "DescribeCloudAppCosInfo", "DescribeCloudAppInfo", "DescribeCloudAppList",
        "DescribeCloudAppVersion", "DescribeCloudAppVersionList", "DescribeCloudBaseBuildService",
        "ModifyCloudBaseRunServerFlowConf",
    ),
    _NO_SQL: (
        "CreateMySQL", "DescribeCreateMySQLResult", "DescribeMySQLClusterDetail", "DescribeMySQLTaskStatus",
        "DescribePGUserMigration", "DescribeTaskResult", "DestroyMySQL", "ExecutePGSql", "ListPGUserMigrations",
        "PreviewPGUserMigrations", "PushPGUserMigrations", "RepairPGUserMigrationHistory", "RunSql",
    ),
    _NO_BILLING: (
        "CancelDeal", "CreateBillDeal", "CreatePostpayPackage", "DescribeBaasPackageList", "DescribeBillingInfo",
        "DescribeCreditsUsageDetail", "DescribeEnvAccountCircle", "ModifyEnvPlan", "RenewEnv",
    ),
    _NO_MODELS: ("CreateAIModel", "DeleteAIModel", "DescribeAIModels", "DescribeManagedAIModelList", "UpdateAIModel"),
    _NO_ROLES: ("CreateRole", "DeleteRoles", "DescribeEnvConfig", "DescribeRoleList", "ModifyEnvConfig", "ModifyRole"),
    _NO_KEYS: (
        "CreateApiKey", "CreateUserKey", "DeleteApiKey", "DeleteUserKey", "DescribeApiKeyList", "GetOneUserKey",
        "GetUserKeyList", "GetUserKeyTemplateList", "UpdateUserKey",
    ),
    _PROVIDERS: ("AddProvider", "DeleteProvider", "DescribeClient", "GetProviders", "ModifyClient", "ModifyProvider"),
    "function logs are always on / 函数日志始终开启": ("CreateEnvResource",),
    "no third-party program is attached here / 本服务不提供第三方小程序绑定": ("DeleteThirdPartAttach",),
}  # fmt: skip

UNSUPPORTED: dict[str, str] = {f"tcb.{name}": reason for reason, names in _GROUPS.items() for name in names}
"""Actions of ``tcb`` that @cloudbase/manager-node knows and that are refused, with the reason."""
