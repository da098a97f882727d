/** Conditions as the server takes them: nested objects become dotted paths, commands become operators. */

import { BAD_PARAMETER, failure } from '../errors'
import { Fields, has, isArray, isPlain, isRegExp } from '../objects'
import { Condition } from './command'
import { DatabaseRegExp, encode, isNest } from './values'

/** The filter for what `where` and `match` take. */
export function encodeFilter(condition: any): Fields {
  if (condition === undefined || condition === null) return {}
  if (condition instanceof Condition) return encodeWhole(condition)
  if (!isPlain(condition)) throw failure(BAD_PARAMETER, 'a condition should be an object / 查询条件应为对象')
  const parts: Fields[] = []
  collect(condition, '', parts)
  return merged(parts)
}

function encodeWhole(condition: Condition): Fields {
  if (condition.logical) return single(condition.operator, condition.operand.map(encodeFilter))
  if (condition.operator === '$expr') return { $expr: encode(condition.operand) }
  throw failure(BAD_PARAMETER, 'the command ' + condition.operator + ' needs a field')
}

function collect(fields: any, prefix: string, parts: Fields[]): void {
  for (const name in fields) {
    if (!has(fields, name) || fields[name] === undefined) continue
    const value = fields[name]
    if (!prefix && name.charAt(0) === '$') parts.push(single(name, encode(value)))
    else if (value instanceof Condition) parts.push(encodeField(prefix + name, value))
    else if (isNest(value)) collect(value, prefix + name + '.', parts)
    else parts.push(single(prefix + name, encode(value)))
  }
}

/** A condition on one field, as a filter of its own. */
function encodeField(path: string, condition: any): Fields {
  if (!(condition instanceof Condition)) {
    if (!isNest(condition)) return single(path, encode(condition))
    const parts: Fields[] = []
    collect(condition, path + '.', parts)
    return merged(parts)
  }
  if (condition.logical) return single(condition.operator, condition.operand.map((part: any) => encodeField(path, part)))
  if (condition.operator === '$not' && condition.operand instanceof Condition && condition.operand.logical) {
    return { $nor: [encodeField(path, condition.operand)] }
  }
  return single(path, encodeOperand(condition))
}

/** A condition on a value without a name: `{ $gt: 1 }`. Conditions joined by `and` become one object. */
export function encodeOperand(condition: any): any {
  if (!(condition instanceof Condition)) return isPlain(condition) ? encodeFilter(condition) : encode(condition)
  const operand = condition.operand
  switch (condition.operator) {
    case '$and':
      return merged(operand.map(encodeOperand))
    case '$not':
      return { $not: isRegExp(operand) || operand instanceof DatabaseRegExp ? encode(operand) : encodeOperand(operand) }
    case '$elemMatch':
      return { $elemMatch: encodeOperand(operand) }
    case '$all':
      return { $all: operand.map((item: any) => (item instanceof Condition ? encodeOperand(item) : encode(item))) }
    case '$nearSphere':
      return { $nearSphere: near(operand) }
    case '$geoWithin':
      return { $geoWithin: operand.centerSphere ? { $centerSphere: encode(operand.centerSphere) } : geometry(operand) }
    case '$geoIntersects':
      return { $geoIntersects: geometry(operand) }
    default:
      if (condition.logical) throw failure(BAD_PARAMETER, condition.operator + ' cannot be used here; name a field')
      return single(condition.operator, encode(operand))
  }
}

function geometry(options: any): Fields {
  return { $geometry: encode(options.geometry) }
}

function near(options: any): Fields {
  const encoded = geometry(options)
  if (options.maxDistance !== undefined) encoded.$maxDistance = options.maxDistance
  if (options.minDistance !== undefined) encoded.$minDistance = options.minDistance
  return encoded
}

function single(name: string, value: any): Fields {
  const fields: Fields = {}
  fields[name] = value
  return fields
}

/** All parts must hold: one object when their names differ, else `$and`. */
function merged(parts: Fields[]): Fields {
  const all: Fields = {}
  for (let index = 0; index < parts.length; index++) {
    for (const name in parts[index]) {
      if (has(all, name)) return { $and: parts }
      all[name] = parts[index][name]
    }
  }
  return all
}

/** Values of `order` and `field` names must be paths. */
export function isPath(value: any): value is string {
  return typeof value === 'string' && value.length > 0 && !isArray(value)
}
