// Builds the package: TypeScript to ES5, then one file for each way of loading it.

import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
process.chdir(here)
for (const name of ['build', 'dist', 'miniprogram_dist']) rmSync(name, { recursive: true, force: true })

const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
execFileSync(process.execPath, [compiler], { stdio: 'inherit' })

const UMD = '(function(r,f){if(typeof module==="object"&&module.exports)module.exports=f();else if(typeof define==="function"&&define.amd)define([],f);else r.yunbox=f()})'
const exported = 'module.exports=module.exports["default"];module.exports["default"]=module.exports;'
const shared = { absWorkingDir: here, bundle: true, target: 'es5', minify: true, legalComments: 'none', logLevel: 'warning', charset: 'utf8' }

await build({ ...shared, entryPoints: ['build/index.js'], format: 'cjs', outfile: 'miniprogram_dist/index.js', footer: { js: exported } })
await build({ ...shared, entryPoints: ['build/node.js'], format: 'cjs', platform: 'node', outfile: 'dist/node.cjs', footer: { js: exported } })
await build({ ...shared, entryPoints: ['build/index.js'], format: 'esm', outfile: 'dist/client.mjs' })
await build({
  ...shared,
  entryPoints: ['build/index.js'],
  format: 'cjs',
  outfile: 'dist/yunbox.umd.js',
  banner: { js: `${UMD}(this,function(){var module={exports:{}},exports=module.exports;` },
  footer: { js: `return module.exports["default"]});` },
})

const members = 'init callFunction uploadFile downloadFile getTempFileURL deleteFile database CloudID CDN callContainer connectContainer resolve publicURL Cloud configure install installAlipay createCloudContext version'.split(' ')
const named = members.map((name) => `export var ${name} = yunbox.${name};`).join('\n')
mkdirSync('dist', { recursive: true })
for (const [name, client] of [['index', './client.mjs'], ['node', './node.cjs']]) {
  writeFileSync(`dist/${name}.mjs`, `import yunbox from '${client}';\nexport default yunbox;\n${named}\n`)
}
for (const [name, install] of [['wx', 'install'], ['my', 'installAlipay']]) {
  writeFileSync(`miniprogram_dist/${name}.js`, `module.exports = require('./index.js').${install}();\n`)
  writeFileSync(`dist/${name}.cjs`, `module.exports = require('./node.cjs').${install}();\n`)
}
cpSync('cloud-image', 'miniprogram_dist/cloud-image', { recursive: true })
rmSync('build', { recursive: true })
