'use strict'
// A deploy script as people write them for @cloudbase/manager-node, and what it is told of mistakes. Prints {step: result}.
// node manager.js PACKAGE FOLDER ANOTHER-SPACE, below `yunbox exec`.

const fs = require('node:fs')
const path = require('node:path')
const [, , name, folder, otherSpace] = process.argv
const CloudBase = require(name)

const { TCB_ENV: envId, TENCENTCLOUD_SECRETID: secretId, TENCENTCLOUD_SECRETKEY: secretKey } = process.env
const app = new CloudBase({ secretId, secretKey, envId })
const { functions, database, storage, hosting, env, user, access } = app
const results = {}
const print = console.log
console.log = console.warn = () => {}

async function step (title, action) {
  try {
    const result = await action()
    results[title] = result === undefined ? null : result
  } catch (error) {
    results[title] = { code: String(error.code || ''), message: error.message }
  }
  return results[title]
}

const at = (...parts) => path.join(folder, ...parts)
function write (file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
}

async function deployFunctions () {
  const functionRootPath = at('functions')
  write(at('functions', 'hello', 'index.js'), 'exports.main = async event => { console.log(`printed ${event.a}`); return { got: event.a, mode: process.env.MODE, more: require("fs").existsSync(__dirname + "/more.js") } }')
  write(at('functions', 'broken', 'index.js'), 'exports.main = async () => { throw new Error("on purpose") }')
  const hello = { name: 'hello', timeout: 5, memorySize: 128, runtime: 'Nodejs16.13', envVariables: { MODE: 'one', GONE: 'x' }, path: '/hello', triggers: [{ name: 'daily', type: 'timer', config: '0 0 2 * * * *' }] }
  await step('deploy', async () => typeof (await functions.createFunction({ func: hello, functionRootPath })).RequestId)
  await step('deploy again', () => functions.createFunction({ func: { name: 'hello' }, functionRootPath }))
  await step('invoke', async () => {
    const { RetMsg, InvokeResult, Log } = await functions.invokeFunction('hello', { a: 7 })
    return { result: JSON.parse(RetMsg), code: InvokeResult, printed: Log }
  })
  await step('configure', async () => {
    await functions.updateFunctionConfig({ name: 'hello', timeout: 9, envVariables: { MODE: 'two' } })
    const shown = await functions.getFunctionDetail('hello')
    return [shown.Timeout, shown.MemorySize, shown.Runtime, shown.Handler, shown.Status, shown.Environment.Variables, shown.Triggers.map(item => [item.TriggerName, item.TriggerDesc])]
  })
  await step('update code', async () => {
    await functions.updateFunctionCode({ func: { name: 'hello', runtime: 'Nodejs16.13' }, functionRootPath, deployMode: 'zip' })
    const { RetMsg } = await functions.invokeFunction('hello', { a: 8 })
    return JSON.parse(RetMsg)
  })
  await step('update a file', async () => {
    write(at('functions', 'hello', 'more.js'), 'module.exports = 1')
    await functions.updateFunctionIncrementalCode({ func: { name: 'hello', runtime: 'Nodejs16.13' }, functionRootPath, addFiles: 'more.js' })
    const { RetMsg } = await functions.invokeFunction('hello', {})
    return JSON.parse(RetMsg).more
  })
  await step('delete a file', async () => {
    await functions.updateFunctionIncrementalCode({ func: { name: 'hello' }, deleteFiles: ['more.js'] })
    const { RetMsg } = await functions.invokeFunction('hello', {})
    return JSON.parse(RetMsg).more
  })
  await step('broken', async () => {
    await functions.createFunction({ func: { name: 'broken', runtime: 'Nodejs16.13' }, functionRootPath })
    const { RetMsg, InvokeResult } = await functions.invokeFunction('broken', {})
    return [InvokeResult, JSON.parse(RetMsg).errorMessage]
  })
  await step('triggers', async () => {
    await functions.createFunctionTriggers('hello', [{ name: 'hourly', type: 'timer', config: '0 0 * * * * *' }])
    await functions.deleteFunctionTrigger('hello', 'daily')
    return (await functions.getFunctionDetail('hello')).Triggers.map(item => item.TriggerName)
  })
  await step('delete a missing trigger', () => app.commonService('scf').call({ Action: 'DeleteTrigger', Param: { FunctionName: 'hello', TriggerName: 'none', Type: 'timer' } }))
  await step('copy', () => functions.copyFunction('hello', 'copied', envId, true).then(() => null))
  await step('list', async () => (await functions.listFunctions(10, 0)).map(item => [item.FunctionName, item.Status]).sort())
  await step('download', async () => {
    const { Url, CodeSha256 } = await functions.getFunctionDownloadUrl('hello')
    const bytes = Buffer.from(await (await fetch(Url)).arrayBuffer())
    return [require('node:crypto').createHash('sha256').update(bytes).digest('hex') === CodeSha256, bytes.includes('index.js')]
  })
  await step('paths', async () => (await access.getAccessList({ name: 'hello' })).APISet.map(item => [item.Path, item.Name]))
  await step('path taken', () => access.createAccess({ path: '/hello', name: 'copied' }))
  await step('versions', async () => (await functions.listVersionByFunction({ functionName: 'hello' })).FunctionVersion)
  await step('back', async () => {
    await functions.updateFunctionAliasConfig({ functionName: 'hello', name: '$DEFAULT', functionVersion: '3' })
    const { RetMsg } = await functions.invokeFunction('hello', {})
    return JSON.parse(RetMsg).more
  })
  await step('layer', () => functions.createLayer({ name: 'deps', base64Content: 'UEs=' }))
  await step('reserve', () => functions.setProvisionedConcurrencyConfig({ functionName: 'hello', qualifier: '1', versionProvisionedConcurrencyNum: 2 }))
  await step('missing function', () => functions.invokeFunction('none', {}))
  await step('python', () => functions.createFunction({ func: { name: 'py', runtime: 'Python3.9', handler: 'index.main', installDependency: false }, functionPath: at('functions', 'hello') }))
  await step('delete', async () => {
    await functions.deleteFunction(name.includes('3.12') ? 'copied' : { name: 'copied' })
    return (await functions.listFunctions(10, 0)).length
  })
}

async function logs () {
  const cls = app.log && app.log.searchClsLog
  if (cls) {
    const found = await app.log.searchClsLog({ queryString: 'function_name:hello AND "printed 7"', StartTime: '2000-01-01 00:00:00', EndTime: '2100-01-01 00:00:00', Limit: 10 })
    return found.LogResults.Results.map(item => JSON.parse(item.Content).log)
  }
  const found = await functions.getFunctionLogs({ name: 'hello', limit: 10, offset: 0, order: 'desc', orderBy: 'duration' })
  return found.Data.filter(item => item.Log.includes('printed 7')).map(item => item.Log)
}

async function collections () {
  await step('create collection', () => database.createCollection('todos').then(() => null))
  await step('create it again', () => database.createCollection('todos'))
  await step('create if missing', async () => (await database.createCollectionIfNotExists('todos')).IsCreated)
  await step('index', async () => {
    const MgoKeySchema = { MgoIsUnique: true, MgoIndexKeys: [{ Name: 'title', Direction: '1' }, { Name: 'at', Direction: '-1' }] }
    await database.updateCollection('todos', { CreateIndexes: [{ IndexName: 'by_title', MgoKeySchema }] })
    return (await database.describeCollection('todos')).Indexes.map(item => [item.Name, item.Unique, item.Keys])
  })
  await step('index exists', async () => (await database.checkIndexExists('todos', 'by_title')).Exists)
  await step('drop index', async () => {
    await database.updateCollection('todos', { DropIndexes: [{ IndexName: 'by_title' }] })
    return (await database.checkIndexExists('todos', 'by_title')).Exists
  })
  await step('import', async () => {
    write(at('todos.json'), '{"_id":"a","title":"x","n":{"$numberInt":"1"}}\n{"_id":"b","title":"y"}\n')
    const { JobId } = await database.import('todos', { FilePath: at('todos.json') }, { StopOnError: true, ConflictMode: 'upsert' })
    const { Status, RecordSuccess } = await database.migrateStatus(JobId)
    return [Status, RecordSuccess]
  })
  await step('export', async () => {
    const { JobId } = await database.export('todos', { ObjectKey: 'out/todos.csv' }, { Fields: '_id,title', Sort: '{"_id":1}' })
    const { Status, FileUrl } = await database.migrateStatus(JobId)
    return [Status, await (await fetch(FileUrl)).text()]
  })
  await step('list collections', async () => (await database.listCollections({ MgoLimit: 10, MgoOffset: 0 })).Collections.map(item => [item.CollectionName, item.Count]))
  await step('distribution', async () => (await database.distribution()).Collections)
  await step('import into nothing', () => database.import('none', { ObjectKey: 'out/todos.csv' }, { ConflictMode: 'insert' }))
  await step('commands', async () => {
    const run = (CommandType, Command) => app.commonService('tcb', '2018-06-08').call({ Action: 'RunCommands', Param: { EnvId: envId, MgoCommands: [{ TableName: 'todos', CommandType, Command: JSON.stringify(Command) }] } }).then(answer => JSON.parse(answer.Data[0]))
    return [
      (await run('INSERT', { insert: 'todos', documents: [{ _id: 'c', title: 'z' }] })).insertedIds,
      (await run('UPDATE', { update: 'todos', updates: [{ q: { _id: 'c' }, u: { $set: { title: 'zz' } } }] })).nModified,
      (await run('QUERY', { find: 'todos', filter: { _id: { $in: ['a', 'c'] } }, sort: { _id: 1 } })).map(row => JSON.parse(row)),
      (await run('QUERY', { count: 'todos', query: {} })).n,
      await run('QUERY', { aggregate: 'todos', pipeline: [{ $group: { _id: null, n: { $sum: 1 } } }], cursor: {} }),
      (await run('DELETE', { delete: 'todos', deletes: [{ q: { _id: 'c' }, limit: 1 }] })).n
    ]
  })
  await step('delete collection', async () => {
    await database.deleteCollection('todos')
    return (await database.checkCollectionExists('todos')).Exists
  })
}

async function files () {
  write(at('up', 'a.txt'), 'hello 你好')
  write(at('up', 'sub', 'b.txt'), 'bee')
  fs.writeFileSync(at('big.bin'), Buffer.alloc(6 * 2 ** 20 + 5, 7))
  await step('upload', () => storage.uploadFile({ localPath: at('up', 'a.txt'), cloudPath: 'dir/文 件.txt' }).then(answer => answer.statusCode))
  await step('upload a folder', () => storage.uploadDirectory({ localPath: at('up'), cloudPath: 'tree' }).then(() => null))
  await step('upload in parts', () => storage.uploadFile({ localPath: at('big.bin'), cloudPath: 'big.bin' }).then(answer => answer.statusCode))
  await step('list files', async () => (await storage.listDirectoryFiles('')).map(item => [item.Key, Number(item.Size)]))
  await step('info', async () => { const { Size, Type } = await storage.getFileInfo('dir/文 件.txt'); return [Size, Type] })
  await step('download file', async () => {
    await storage.downloadFile({ cloudPath: 'dir/文 件.txt', localPath: at('got.txt') })
    await storage.downloadFile({ cloudPath: 'big.bin', localPath: at('got.bin') })
    return [fs.readFileSync(at('got.txt'), 'utf8'), fs.readFileSync(at('got.bin')).equals(fs.readFileSync(at('big.bin')))]
  })
  await step('download a folder', async () => {
    fs.mkdirSync(at('down'))
    await storage.downloadDirectory({ cloudPath: 'tree', localPath: at('down') })
    return fs.readdirSync(at('down'), { recursive: true }).sort()
  })
  await step('missing file', () => storage.getTemporaryUrl(['none.txt']))
  await step('delete files', () => storage.deleteFile(['dir/文 件.txt', 'big.bin']))
  await step('delete a folder', async () => (await storage.deleteDirectory('tree')).Deleted.length)
  await step('acl', async () => [await storage.getStorageAcl(), await storage.setStorageAcl('PRIVATE').then(() => storage.getStorageAcl())])
}

async function site () {
  write(at('site', 'index.html'), '<h1>site</h1>')
  write(at('site', 'css', 'a.css'), 'b{}')
  await step('no site', () => hosting.listFiles())
  await step('open site', async () => (await hosting.enableService()).code)
  await step('deploy site', async () => {
    await hosting.uploadFiles({ localPath: at('site'), cloudPath: '' })
    const { CdnDomain } = (await hosting.getInfo())[0]
    return [(await hosting.listFiles()).map(item => item.Key), await (await fetch(`http://${CdnDomain}`)).text()]
  })
  await step('download page', async () => {
    await hosting.downloadFile({ cloudPath: 'index.html', localPath: at('index.html') })
    return fs.readFileSync(at('index.html'), 'utf8')
  })
  await step('error page', async () => {
    await hosting.setWebsiteDocument({ indexDocument: 'index.html', errorDocument: 'css/a.css' })
    const { CdnDomain } = (await hosting.getInfo())[0]
    const answer = await fetch(`http://${CdnDomain}none`)
    return [(await hosting.getWebsiteConfig()).WebsiteConfiguration, answer.status, await answer.text()]
  })
  await step('single page', async () => {
    await hosting.setWebsiteDocument({ indexDocument: 'index.html', routingRules: [{ httpErrorCodeReturnedEquals: '404', replaceKeyWith: 'index.html' }] })
    const { CdnDomain } = (await hosting.getInfo())[0]
    return (await fetch(`http://${CdnDomain}some/route`)).status
  })
  await step('close with files', () => hosting.destroyService())
  await step('delete pages', async () => {
    const one = await hosting.deleteFiles({ cloudPath: 'index.html', isDir: false })
    const folder = await hosting.deleteFiles({ cloudPath: 'css', isDir: true })
    return [one.Deleted.length, folder.Error.length]
  })
  await step('close', async () => (await hosting.destroyService()).code)
}

async function environment () {
  await step('environments', async () => (await env.listEnvs()).EnvList.map(item => [item.EnvId, item.Status]))
  await step('rename', async () => {
    await env.updateEnvInfo('新名字')
    return (await env.getEnvInfo()).EnvInfo.Alias
  })
  await step('domains', async () => {
    await env.createEnvDomain(['a.example.com'])
    await new Promise(resolve => setTimeout(resolve, 300)) // the SDK does not wait for what it does with the bucket
    const added = (await env.getEnvAuthDomains()).Domains.map(item => item.Domain)
    await env.deleteEnvDomain(['a.example.com'])
    await new Promise(resolve => setTimeout(resolve, 300))
    return [added, (await env.getEnvAuthDomains()).Domains.length]
  })
  await step('logins', async () => (await env.getLoginConfigList()).ConfigList.map(item => item.Platform))
  await step('login key', async () => (await env.createCustomLoginKeys()).PrivateKey.includes('PRIVATE KEY'))
  await step('destroy', () => env.destroyEnv(envId))
  await step('users', async () => {
    const { User } = await user.createEndUser({ username: 'anna1', password: 'Secret12345' })
    await user.updateEndUser({ uuid: User.UUId, nickName: 'Anna', gender: 'FEMALE' })
    await user.setEndUserStatus({ uuid: User.UUId, status: 'DISABLE' })
    const shown = (await user.getEndUserList({ limit: 10, offset: 0 })).Users.map(item => [item.UserName, item.NickName, item.IsDisabled])
    await user.deleteEndUsers({ userList: [User.UUId] })
    return [shown, (await user.getEndUserList({ limit: 10, offset: 0 })).Total]
  })
}

async function mistakes () {
  const as = changes => new CloudBase({ secretId, secretKey, envId, ...changes })
  await step('wrong key', () => as({ secretKey: 'wrong' }).env.listEnvs())
  await step('unknown id', () => as({ secretId: 'AKIDnobody' }).env.listEnvs())
  await step('foreign environment', () => as({ envId: otherSpace }).functions.listFunctions())
  await step('foreign namespace', () => app.commonService('scf').call({ Action: 'ListFunctions', Param: { Namespace: otherSpace } }))
  await step('unknown action', () => app.commonService('tcb').call({ Action: 'DoSomething' }))
  await step('not served', () => app.commonService('tcbr', '2022-02-17').call({ Action: 'DescribeCloudRunServers', Param: { EnvId: envId } }))
  await step('late', async () => {
    const now = Date.now
    Date.prototype.getTime = function () { return this.valueOf() - 400e3 } // eslint-disable-line no-extend-native
    try {
      return await env.listEnvs()
    } finally {
      Date.now = now
    }
  })
}

async function main () {
  await deployFunctions()
  await step('logs', logs)
  await collections()
  await files()
  await site()
  await environment()
  await mistakes()
  print(JSON.stringify(results))
}

// Below `yunbox exec` this runs at once; in a function it is what the function does.
exports.inside = async () => {
  await collections()
  return results
}
if (require.main === module) main()
