// Signing in, staying signed in, signing out.

import { refusal } from './documents.mjs'
import { failure, match, ok, same } from './expect.mjs'

const CODE = '123456'

/** The anonymous user whose documents the other steps work on. */
export function first(steps, client, state) {
  steps.add('sign in anonymously', async () => {
    await client.signIn()
    state.uid = await client.uid()
    match(state.uid, /^[0-9a-f]{24}$/)
  })

  steps.add('the login state is anonymous', async () => {
    ok(await client.auth.getLoginState())
    same(await client.isAnonymous(), true)
  })

  steps.add('an anonymous user stays the same', async () => {
    if (client.generation < 2) await client.signIn()
    same(await client.uid(), state.uid)
    match(await client.token(), /^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  steps.add('an expired access token is renewed', async () => {
    const old = await client.token()
    const cache = client.auth._cache
    await cache.setStoreAsync(cache.keys.accessTokenExpireKey, Date.now() - 1000)
    ok(await client.token() !== old, 'a new token')
    same(await client.uid(), state.uid)
  }, client.generation === 1)

  steps.add('the session is refreshed', async () => {
    const old = await client.token()
    const { error, data } = await client.auth.refreshSession()
    same(error, null)
    ok(data.session.access_token !== old, 'a new token')
    same(await client.token(), data.session.access_token)
    same(await client.uid(), state.uid)
  }, client.generation >= 2)

  steps.add('claims of the token', async () => {
    const { data } = await client.auth.getClaims()
    same([data.claims.sub, data.claims.aud], [state.uid, client.env])
    ok(data.claims.exp > Date.now() / 1000)
  }, client.generation >= 2)
}

/** Other ways to sign in; what comes before works on the anonymous user's documents. */
export function others(steps, client, input, state) {
  const refused = async (work) => failure(async () => {
    const answer = await work()
    if (answer && answer.error) throw answer.error
    return answer
  })

  steps.add('a wrong password is refused', async () => {
    match(await refused(() => client.signInWithPassword(input.username, 'wrong')), /password/i)
  })

  steps.add('sign in with a password', async () => {
    await client.signInWithPassword(input.username, input.password)
    same(await client.uid(), input.userId)
    same(await client.isAnonymous(), false)
  })

  steps.add('user names are known or free', async () => {
    same(await client.auth.isUsernameRegistered(input.username), true)
    same(await client.auth.isUsernameRegistered('nobody'), false)
  })

  steps.add('change the own profile', async () => {
    if (client.generation === 1) {
      await client.auth.currentUser.update({ nickName: '爱丽丝' })
      await client.auth.currentUser.refresh()
      return same(client.auth.currentUser.nickName, '爱丽丝')
    }
    const { data, error } = await client.auth.updateUser({ nickname: '爱丽丝' })
    same(error, null)
    return same(data.user.user_metadata.nickName, '爱丽丝')
  }, client.generation >= 1)

  steps.add('send a code to a phone and sign in with it', async () => {
    const phone = '13800000001'
    if (client.generation === 1) {
      same(await client.auth.sendPhoneCode(phone), true)
      await client.auth.signInWithPhoneCodeOrPassword({ phoneNumber: phone, phoneCode: CODE })
    } else {
      const verificationInfo = await client.auth.getVerification({ phone_number: phone })
      await client.auth.signInWithSms({ verificationInfo, verificationCode: CODE, phoneNum: phone })
    }
    state.phoneUser = await client.uid()
    ok(![state.uid, input.userId].includes(state.phoneUser))
  }, client.generation >= 1)

  steps.add('a wrong code is refused', async () => {
    if (client.generation === 1) {
      await client.auth.sendPhoneCode('13800000002')
      return match(await refused(() => client.auth.signInWithPhoneCodeOrPassword({ phoneNumber: '13800000002', phoneCode: '000000' })), /code|验证码/i)
    }
    const verificationInfo = await client.auth.getVerification({ email: 'eve@example.com' })
    return match(await refused(() => client.auth.signInWithEmail({ verificationInfo, verificationCode: '000000', email: 'eve@example.com' })), /verification_code|code/i)
  }, client.generation >= 1)

  steps.add('sign in with a code by e-mail', async () => {
    const verificationInfo = await client.auth.getVerification({ email: 'bob@example.com' })
    same(verificationInfo.is_user, false)
    await client.auth.signInWithEmail({ verificationInfo, verificationCode: CODE, email: 'bob@example.com' })
    state.mailUser = await client.uid()
    ok(state.mailUser !== state.phoneUser)
  }, client.generation >= 2)

  steps.add('sign in with a one-time password', async () => {
    const { data, error } = await client.auth.signInWithOtp({ email: 'bob@example.com' })
    same(error, null)
    const verified = await data.verifyOtp({ token: CODE, messageId: data.messageId })
    same(verified.error, null)
    same(await client.uid(), state.mailUser)
  }, client.generation >= 2)

  // The sign-in of js-sdk 2.x and 3.x has no PATCH in Node.
  const hasPatch = client.generation >= 2 && client.place.kind !== 'node'

  steps.add('set a password and stay signed in', async () => {
    await client.auth.setPassword({ new_password: 'Passw0rd!1' })
    same(await client.uid(), state.mailUser)
    ok((await client.auth.refreshSession()).error === null, 'the session goes on')
    const { error } = await client.auth.resetPasswordForOld({ old_password: 'Passw0rd!1', new_password: 'Passw0rd!2' })
    same(error, null)
    same((await client.auth.signInWithPassword({ email: 'bob@example.com', password: 'Passw0rd!2' })).data.user.id, state.mailUser)
  }, hasPatch)

  steps.add('change e-mail address and phone number with codes', async () => {
    for (const [change, told] of [[{ email: 'rob@example.com' }, 'email'], [{ phone: '13800000009' }, 'phone']]) {
      const { data, error } = await client.auth.updateUser(change)
      same(error, null)
      same((await data.verifyOtp({ ...change, token: CODE })).error, null)
      const { data: { user } } = await client.auth.getUser()
      same(user[told], told === 'phone' ? '+8613800000009' : 'rob@example.com')
    }
  }, client.generation >= 2)

  steps.add('bind an e-mail address', async () => {
    const { verification_id } = await client.auth.getVerification({ email: 'bob2@example.com' })
    const { verification_token } = await client.auth.verify({ verification_id, verification_code: CODE })
    const { sudo_token } = await client.auth.sudo({ password: 'Passw0rd!2' })
    await client.auth.bindEmail({ email: 'bob2@example.com', sudo_token, verification_token })
    same((await client.auth.getUser()).data.user.email, 'bob2@example.com')
  }, hasPatch)

  steps.add('a forgotten password', async () => {
    const { data, error } = await client.auth.resetPasswordForEmail('bob2@example.com')
    same(error, null)
    same((await data.updateUser({ nonce: CODE, password: 'Passw0rd!3' })).error, null)
    same((await client.auth.signInWithPassword({ email: 'bob2@example.com', password: 'Passw0rd!3' })).data.user.id, state.mailUser)
  }, hasPatch)

  steps.add('look other users up', async () => {
    const { data } = await client.auth.queryUser({ id: [input.userId, state.mailUser] })
    same(data.map((user) => user.sub), [input.userId, state.mailUser])
    same((await client.auth.queryUser({ username: input.username })).data.map((user) => user.sub), [input.userId])
  }, client.generation >= 2)

  steps.add('a new password keeps the own session', async () => {
    await client.signInWithPassword(input.username, input.password)
    await client.auth.currentUser.updatePassword('Passw0rd!new', input.password)
    const cache = client.auth._cache
    await cache.setStoreAsync(cache.keys.accessTokenExpireKey, Date.now() - 1000)
    same(typeof (await client.token()), 'string')
    await client.auth.currentUser.updatePassword(input.password, 'Passw0rd!new')
  }, client.generation === 1)

  steps.add('sign in with a ticket', async () => {
    await client.signInWithTicket(input.ticket)
    const user = await client.uid()
    ok(![input.userId, state.uid, state.phoneUser].includes(user))
    same(await client.isAnonymous(), false)
  })

  steps.add('a forged ticket is refused', async () => {
    match(await refused(() => client.signInWithTicket(`${input.ticket.slice(0, -8)}AAAAAAAA`)), /ticket|invalid_grant/i)
  })

  steps.add('sign in as a user of the mini program', async () => {
    await client.auth.signInWithOpenId({ useWxCloud: false })
    const user = await client.uid()
    await client.auth.signInWithOpenId({ useWxCloud: false })
    same(await client.uid(), user)
  }, client.isMini && client.generation >= 2)

  steps.add('sign in through wx.cloud', async () => {
    await client.auth.signInWithOpenId({ useWxCloud: false })
    const user = await client.uid()
    await client.auth.signOut()
    await client.auth.signInWithOpenId()
    same(await client.uid(), user)
  }, client.isMini && client.generation >= 2)

  steps.add('sign out', async () => {
    await client.signInWithPassword(input.username, input.password)
    await client.auth.signOut()
    ok(!(await client.auth.getLoginState()), 'no login state')
  })

  steps.add('who is signed out adds nothing', async () => {
    await refusal(client, () => client.database().collection('todos').add({ n: 1, stray: true }), /\w/)
  })
}
