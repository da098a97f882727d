/** Geometry in the form of GeoJSON. */

import { BAD_PARAMETER, failure } from '../errors'
import { isArray, isPlain } from '../objects'

export class Geometry {
  readonly type: string
  readonly coordinates: any
  constructor(type: string, coordinates: any) {
    this.type = type
    this.coordinates = coordinates
  }
  toJSON(): { type: string; coordinates: any } {
    return { type: this.type, coordinates: this.coordinates }
  }
  toString(): string {
    return JSON.stringify(this.toJSON())
  }
}

export class GeoPoint extends Geometry {
  readonly longitude: number
  readonly latitude: number
  constructor(longitude: number, latitude: number) {
    super('Point', [longitude, latitude])
    this.longitude = longitude
    this.latitude = latitude
  }
}

/** Parts that the geometries with parts offer under a name of their own. */
const PARTS: { [type: string]: [string, string] } = {
  MultiPoint: ['points', 'Point'],
  LineString: ['points', 'Point'],
  MultiLineString: ['lines', 'LineString'],
  Polygon: ['lines', 'LineString'],
  MultiPolygon: ['polygons', 'Polygon'],
}

export class GeoShape extends Geometry {
  [name: string]: any
  constructor(type: string, coordinates: any[]) {
    super(type, coordinates)
    const [name, part] = PARTS[type]
    this[name] = coordinates.map((item) => geometryOf(part, item))
  }
}

function geometryOf(type: string, coordinates: any): Geometry {
  return type === 'Point' ? new GeoPoint(coordinates[0], coordinates[1]) : new GeoShape(type, coordinates)
}

const DEPTHS: { [type: string]: number } = {
  Point: 1,
  MultiPoint: 2,
  LineString: 2,
  MultiLineString: 3,
  Polygon: 3,
  MultiPolygon: 4,
}

function isNested(value: any, depth: number): boolean {
  if (depth === 0) return typeof value === 'number'
  if (!isArray(value)) return false
  return (depth === 1 ? value.length === 2 : true) && value.every((item) => isNested(item, depth - 1))
}

/** Whether a plain object of the server is a geometry. */
export function isGeoJson(value: any): boolean {
  const depth = typeof value.type === 'string' ? DEPTHS[value.type] : 0
  return !!depth && Object.keys(value).length === 2 && isNested(value.coordinates, depth)
}

export function fromJson(value: any): Geometry {
  return geometryOf(value.type, value.coordinates)
}

function wrong(text: string): never {
  throw failure(BAD_PARAMETER, text)
}

function makePoint(longitude: any, latitude?: any): GeoPoint {
  if (isPlain(longitude) && isGeoJson(longitude)) return fromJson(longitude) as GeoPoint
  if (typeof longitude !== 'number' || !(Math.abs(longitude) <= 180)) wrong('longitude should be a number from -180 to 180')
  if (typeof latitude !== 'number' || !(Math.abs(latitude) <= 90)) wrong('latitude should be a number from -90 to 90')
  return new GeoPoint(longitude, latitude)
}

function maker(type: string): (parts: any) => GeoShape {
  return (parts) => {
    if (isPlain(parts) && parts.type === type && isGeoJson(parts)) return fromJson(parts) as GeoShape
    if (!isArray(parts) || !parts.length) wrong(type + ' should be made of an array')
    const part = PARTS[type][1]
    const coordinates = parts.map((item: any) => (item && item.type === part ? item.coordinates : wrong(type + ' is made of ' + part)))
    return new GeoShape(type, coordinates)
  }
}

/** The constructors work with and without `new`, because they return what they make. */
function constructor(make: (...parts: any[]) => Geometry): any {
  return function (first: any, second: any) {
    return make(first, second)
  }
}

export const Geo = {
  Point: constructor(makePoint),
  MultiPoint: constructor(maker('MultiPoint')),
  LineString: constructor(maker('LineString')),
  MultiLineString: constructor(maker('MultiLineString')),
  Polygon: constructor(maker('Polygon')),
  MultiPolygon: constructor(maker('MultiPolygon')),
}
