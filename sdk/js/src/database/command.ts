/** `db.command`: conditions, changes and projections as objects. */

import { BAD_PARAMETER, failure } from '../errors'
import { isArray } from '../objects'
import { operators } from './operators'

/** A condition. Any further condition can follow it: `_.gt(1).and(_.lt(5))`, `_.gt(1).lt(5)`. */
export class Condition {
  readonly command: string
  constructor(
    readonly operator: string,
    readonly operand: any,
    readonly logical = false,
  ) {
    this.command = operator
  }
}

export class Change {
  readonly command: string
  constructor(
    readonly operator: string,
    readonly operand?: any,
  ) {
    this.command = operator
  }
}

export class Projection {
  readonly command: string
  constructor(
    readonly operator: string,
    readonly operand: any,
  ) {
    this.command = operator
  }
}

type Maker = (...given: any[]) => Condition

function one(operator: string): Maker {
  return (operand) => new Condition(operator, operand)
}

/** Commands that take a list, given as an array or one by one. */
function listed(given: any[]): any[] {
  return given.length === 1 && isArray(given[0]) ? given[0] : given
}

function logic(operator: string): Maker {
  return (...given: any[]) => {
    const parts = listed(given)
    if (!parts.length) throw failure(BAD_PARAMETER, operator + ' needs at least one condition')
    return new Condition(operator, parts, true)
  }
}

function needed(name: string, options: any, field: string): any {
  if (!options || options[field] === undefined) throw failure(BAD_PARAMETER, name + ' needs ' + field)
  return options
}

const conditions: { [name: string]: Maker } = {
  eq: one('$eq'),
  neq: one('$ne'),
  gt: one('$gt'),
  gte: one('$gte'),
  lt: one('$lt'),
  lte: one('$lte'),
  in: one('$in'),
  nin: one('$nin'),
  exists: (wanted = true) => new Condition('$exists', wanted),
  mod: (...given: any[]) => new Condition('$mod', listed(given)),
  all: (...given: any[]) => new Condition('$all', listed(given)),
  elemMatch: one('$elemMatch'),
  size: one('$size'),
  geoNear: (options) => new Condition('$nearSphere', needed('geoNear', options, 'geometry')),
  geoWithin: (options) => new Condition('$geoWithin', options),
  geoIntersects: (options) => new Condition('$geoIntersects', needed('geoIntersects', options, 'geometry')),
  expr: one('$expr'),
  and: logic('$and'),
  or: logic('$or'),
  nor: logic('$nor'),
  not: (condition) => new Condition('$not', condition),
}

Object.keys(conditions).forEach((name) => {
  const make = conditions[name]
  ;(Condition.prototype as any)[name] = function (this: Condition, ...given: any[]): Condition {
    if (name === 'and' || name === 'or') {
      const parts = this.logical && this.operator === '$' + name ? this.operand : [this]
      return new Condition('$' + name, parts.concat(listed(given)), true)
    }
    return new Condition('$and', [this, make.apply(null, given)], true)
  }
})

function pushed(operand: any): any {
  const isSpecification = operand && !isArray(operand) && typeof operand === 'object' && isArray(operand.each)
  return isSpecification ? operand : { each: isArray(operand) ? operand : [operand] }
}

const changes: { [name: string]: (...given: any[]) => Change } = {
  set: (value) => new Change('$set', value),
  remove: () => new Change('$unset', ''),
  inc: (value) => new Change('$inc', value),
  mul: (value) => new Change('$mul', value),
  min: (value) => new Change('$min', value),
  max: (value) => new Change('$max', value),
  rename: (name) => new Change('$rename', name),
  bit: (value) => new Change('$bit', value),
  push: (...given: any[]) => new Change('$push', given.length > 1 ? { each: given } : pushed(given[0])),
  unshift: (...given: any[]) => new Change('$push', { each: listed(given), position: 0 }),
  pop: () => new Change('$pop', 1),
  shift: () => new Change('$pop', -1),
  addToSet: (value) => new Change('$addToSet', value),
  pull: (value) => new Change('$pull', value),
  pullAll: (values) => new Change('$pullAll', values),
}

const project = {
  slice: (...given: any[]) => new Projection('$slice', given.length === 1 ? given[0] : given),
  elemMatch: (condition: any) => new Projection('$elemMatch', condition),
}

export interface Command {
  [name: string]: any
  aggregate: { [name: string]: (...operands: any[]) => any }
  project: typeof project
}

export const command: Command = { aggregate: operators, project }
;[conditions, changes].forEach((table: { [name: string]: any }) => {
  Object.keys(table).forEach((name) => {
    command[name] = table[name]
  })
})
