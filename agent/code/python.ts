// What runs around a Python script of execute_code, in its process: `tools`, and the channel to Herald on descriptor 3. Standard library only.
// Nothing here is a fence: the script can reach all of it.

/** Given to Python as an argument; the script itself comes over the channel. Calls of threads follow one another. */
export const PYTHON_FRAME = String.raw`
import json, sys, threading, types

class ToolError(Exception):
    pass

def _open():
    reader = open(3, 'rb', closefd=False)
    writer = open(3, 'wb', buffering=0, closefd=False)
    lock = threading.Lock()
    start = json.loads(reader.readline())
    last = 0

    def send(name, args):
        nonlocal last
        with lock:
            last += 1
            line = json.dumps({'id': last, 'name': name, 'arguments': args}).encode() + b'\n'
            while line:
                line = line[writer.write(line):]
            answer = reader.readline()
        if not answer:
            raise SystemExit(1)
        message = json.loads(answer)
        if not message['ok']:
            raise ToolError(message['text'])
        return message['text']

    class Tools(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith('__'):
                raise AttributeError(name)

            def call(args=None, **more):
                return send(name, {**(args or {}), **more})

            call.__name__ = name
            return call

        def __dir__(self):
            return list(start['names'])

    return start['code'], Tools('tools')

def _run():
    code, tools = _open()
    tools.__dict__['ToolError'] = ToolError
    sys.modules['tools'] = tools
    sys.argv = ['script.py']
    main = types.ModuleType('__main__')
    main.__dict__.update(tools=tools, ToolError=ToolError)
    sys.modules['__main__'] = main
    try:
        exec(compile(code, 'script.py', 'exec'), main.__dict__)
    except Exception as error:
        import linecache, traceback
        linecache.cache['script.py'] = (len(code), None, code.splitlines(True), 'script.py')
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename != '<string>']
        text = ''.join(traceback.format_list(frames) + traceback.format_exception_only(type(error), error))
        sys.stderr.write(text)
        raise SystemExit(1)

_run()
`;
