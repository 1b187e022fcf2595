// Walking an ESTree without knowing every node type.
export interface AstNode {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

export function isNode(value: unknown): value is AstNode {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
  );
}

/** Child nodes in the order of their keys. */
export function childrenOf(node: AstNode): AstNode[] {
  const children: AstNode[] = [];
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) children.push(...value.filter(isNode));
    else if (isNode(value)) children.push(value);
  }
  return children;
}

/** All nodes under `root`, itself first; `enter` returning false leaves out what is inside a node. */
export function findNodes(
  root: AstNode,
  wanted: (node: AstNode) => boolean,
  enter: (node: AstNode) => boolean = () => true,
): AstNode[] {
  const found: AstNode[] = [];
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (wanted(node)) found.push(node);
    if (node === root || enter(node)) stack.push(...childrenOf(node).toReversed());
  }
  return found;
}

export function isFunction(node: AstNode): boolean {
  return ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type);
}

/** Name of an identifier node, else undefined. */
export function identifierName(node: unknown): string | undefined {
  if (!isNode(node) || (node.type !== 'Identifier' && node.type !== 'PrivateIdentifier')) return undefined;
  return typeof node['name'] === 'string' ? node['name'] : undefined;
}

/** Key of `a.key` or `a['key']`, else undefined. */
export function memberKey(node: AstNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  const property = node['property'];
  if (node['computed'] !== true) return identifierName(property);
  return isNode(property) && typeof property['value'] === 'string' ? property['value'] : undefined;
}
