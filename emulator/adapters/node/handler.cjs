// From `_HANDLER` to a function, by the rules of AWS's Node.js runtimes.
'use strict';

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');
const { Fault } = require('./errors.cjs');

/** The handler of `dir/module.nested.name`. Throws Fault, or what the module itself throws. */
async function load(root, handler, required) {
  if (handler.includes('..')) {
    throw new Fault('Runtime.MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const directory = path.dirname(handler) === '.' ? '' : path.dirname(handler);
  const split = /^([^.]*)\.(.+)$/.exec(path.basename(handler));
  if (!split) throw new Fault('Runtime.MalformedHandlerName', 'Bad handler');
  const [, name, member] = split;
  const found = await loadModule(root, directory, name, required);
  const value = member.split('.').reduce((nested, key) => nested && nested[key], found);
  if (!value) throw new Fault('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof value !== 'function') throw new Fault('Runtime.HandlerNotFound', `${handler} is not a function`);
  return value;
}

async function loadModule(root, directory, name, required) {
  const stem = path.resolve(root, directory, name);
  try {
    for (const [file, asModule] of candidates(stem)) {
      if (!isFile(file)) continue;
      if (!asModule) return createRequire(stem)(file);
      for (const used of ['http', 'https']) require(used); // addresses.cjs sees what is required, not what is imported
      if (required) register(required);
      return await import(pathToFileURL(file));
    }
    // As a package: in the folder of the module, then where NODE_PATH says.
    const own = createRequire(path.join(root, 'index.js'));
    return own(own.resolve(directory ? `./${path.posix.join(directory, name)}` : name, { paths: [root, path.dirname(stem)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('Runtime.UserCodeSyntaxError', String(error));
    if (error && error.code === 'MODULE_NOT_FOUND') throw new Fault('Runtime.ImportModuleError', String(error));
    throw error;
  }
}

/** ES modules know no NODE_PATH: what is not found beside the code is looked for in a folder of its own. */
function register(folder) {
  const hooks = `export async function resolve(specifier, context, next) {
    try {
      return await next(specifier, context);
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|^\\w+:/.test(specifier)) throw error;
      try {
        return await next(specifier, { ...context, parentURL: ${JSON.stringify(pathToFileURL(folder + '/index.js').href)} });
      } catch {
        throw error;
      }
    }
  }`;
  require('module').register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}

/** [file, whether it is an ES module], in AWS's order. */
function candidates(stem) {
  const modules = () => typeIsModule(path.dirname(stem));
  return [[stem, false], [stem + '.js', isFile(stem + '.js') && modules()], [stem + '.mjs', true], [stem + '.cjs', false]];
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether the nearest package.json says `"type": "module"`. */
function typeIsModule(directory) {
  while (true) {
    const file = path.join(directory, 'package.json');
    if (isFile(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    const parent = path.dirname(directory);
    if (parent === directory) return false;
    directory = parent;
  }
}

module.exports = { load };
