// Compares values with the types that a declaration file gives them, both ways: a value must have exactly the fields
// that its type declares, and every declared field must occur in some value.

import ts from 'typescript'

/**
 * Reads the declarations of these files.
 * @param {string[]} files
 */
export function declarations(files) {
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.asynciterable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  })
  const checker = program.getTypeChecker()
  /** Properties that a value had, by the symbol of their declaration. */
  const seen = new Set()

  const exportsOf = (file) => {
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(file))
    return new Map(checker.getExportsOfModule(symbol).map((item) => [item.name, resolve(item)]))
  }
  const resolve = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const isOurs = (symbol) =>
    symbol.declarations?.some((node) => files.includes(node.getSourceFile().fileName))
  const propertiesOf = (type) => checker.getPropertiesOfType(type)
  const typeOf = (symbol) => checker.getTypeOfSymbol(symbol)

  /** The type of what a function returns, or of what its promise resolves to. */
  const returnType = (symbol) => {
    const [signature] = checker.getSignaturesOfType(typeOf(symbol), ts.SignatureKind.Call)
    return checker.getAwaitedType(checker.getReturnTypeOfSignature(signature))
  }

  /** Fails where a value differs from a type. */
  function check(value, type, path) {
    const problem = difference(value, type, path)
    if (problem) throw new Error(problem)
  }

  /** The first difference, in words. */
  function difference(value, type, path) {
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return undefined
    if (type.isUnion()) return differenceOfUnion(value, type, path)
    const shown = checker.typeToString(type)
    const is = (ok) => (ok ? undefined : `${path} is ${JSON.stringify(value)}, declared as ${shown}`)
    if (type.flags & ts.TypeFlags.Null) return is(value === null)
    if (type.flags & ts.TypeFlags.Undefined) return is(value === undefined)
    if (type.isStringLiteral() || type.isNumberLiteral()) return is(value === type.value)
    if (type.flags & ts.TypeFlags.BooleanLiteral) return is(String(value) === type.intrinsicName)
    if (type.flags & ts.TypeFlags.String) return is(typeof value === 'string')
    if (type.flags & ts.TypeFlags.Number) return is(typeof value === 'number')
    if (value === null || typeof value !== 'object') return is(false)
    if (type.symbol?.name === 'Uint8Array') return is(value instanceof Uint8Array)
    if (checker.isArrayType(type)) {
      if (!Array.isArray(value)) return is(false)
      const [element] = checker.getTypeArguments(type)
      return first(value.map((item, at) => difference(item, element, `${path}[${at}]`)))
    }
    return differenceOfObject(value, type, path)
  }

  /** A union: the member that the value is, told by the literal fields (`kind`, `code`) that members differ in. */
  function differenceOfUnion(value, type, path) {
    const problems = type.types.map((member) => {
      if (!isObject(value) || !(member.flags & ts.TypeFlags.Object))
        return [difference(value, member, path), 0]
      const literals = propertiesOf(member).filter(
        (property) => isOurs(property) && isLiteral(typeOf(property)),
      )
      const other = literals.find(({ name }) =>
        difference(value[name], typeOf(literals.find((one) => one.name === name)), path),
      )
      return [
        other ? `${path}.${other.name} is ${value[other.name]}` : difference(value, member, path),
        other ? 0 : 1,
      ]
    })
    if (problems.some(([problem]) => problem === undefined)) return undefined
    return problems.sort((a, b) => b[1] - a[1])[0][0]
  }

  const isObject = (value) => value !== null && typeof value === 'object'
  const isLiteral = (type) =>
    type.isStringLiteral() || (type.isUnion() && type.types.every((member) => member.isStringLiteral()))

  function differenceOfObject(value, type, path) {
    if (checker.getIndexInfosOfType(type).length > 0 && propertiesOf(type).length === 0) {
      const element = checker.getIndexInfosOfType(type)[0].type
      return first(Object.entries(value).map(([name, item]) => difference(item, element, `${path}.${name}`)))
    }
    const properties = new Map(propertiesOf(type).map((property) => [property.name, property]))
    for (const name of Object.keys(value)) {
      if (!properties.has(name)) return `${path}.${name} is not declared in ${checker.typeToString(type)}`
    }
    for (const [name, property] of properties) {
      if (!isOurs(property)) continue
      if (!(name in value) || value[name] === undefined) {
        if (property.flags & ts.SymbolFlags.Optional) continue
        return `${path}.${name} is missing, declared in ${checker.typeToString(type)}`
      }
      const problem = difference(value[name], checker.getNonNullableType(typeOf(property)), `${path}.${name}`)
      if (problem && value[name] !== null) return problem
      if (value[name] === null && difference(null, typeOf(property), path)) return `${path}.${name} is null`
      seen.add(property.valueDeclaration)
    }
    return undefined
  }

  /** The declared fields of these types that no value had. */
  function unseen(exported, names) {
    const missing = []
    for (const name of names) {
      for (const property of propertiesOf(checker.getDeclaredTypeOfSymbol(exported.get(name)))) {
        if (isOurs(property) && !seen.has(property.valueDeclaration)) missing.push(`${name}.${property.name}`)
      }
    }
    return missing
  }

  return {
    exportsOf,
    isValue: (symbol) => (symbol.flags & ts.SymbolFlags.Value) !== 0,
    members: (symbol) => membersOf(checker.getDeclaredTypeOfSymbol(symbol)),
    statics: (symbol) => membersOf(typeOf(symbol)),
    /** The type of an exported interface, type alias or class. */
    typeNamed: (symbol) => checker.getDeclaredTypeOfSymbol(symbol),
    returnType,
    check,
    unseen,
  }

  function membersOf(type) {
    return new Map(
      propertiesOf(type)
        .filter((property) => isOurs(property) && property.name !== 'prototype')
        .map((property) => [property.name, property]),
    )
  }
}

const first = (problems) => problems.find((problem) => problem !== undefined)
