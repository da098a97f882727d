exports.main = async ({ userInfo, ...event }) => ({ now: Date.now(), openid: userInfo.openId, event })
