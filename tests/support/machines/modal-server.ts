// A server that speaks the gRPC of Modal as its software kit 0.11.1 uses it: apps, images, volumes, sandboxes, and the command router that runs
// commands in one. Field numbers are those of modal_proto/api.proto and task_command_router.proto. Commands run as ordinary processes of
// this machine; volumes are folders, and the rest of a sandbox's file system is one folder that ends with it.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encode, encodeChosen, GrpcError, startGrpcServer, type GrpcCall, type Message, type Sender } from './grpc.ts';
import { startPlayedTask, type PlayedTask } from './modal-task.ts';

const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;
/** GENERIC_STATUS_TERMINATED. */
const TERMINATED = 3;
const ROUTER_TOKEN = 'a.b.c';

interface Box {
  id: string;
  name: string;
  definition: Message;
  task: PlayedTask;
  isOver: boolean;
}

export interface ModalServer {
  /** For MODAL_SERVER_URL. */
  url: string;
  token: { tokenId: string; tokenSecret: string };
  /** Folders to give to the backend as paths inside. */
  workspace: string;
  stateDir: string;
  /** What sandboxes were asked for. */
  created: {
    imageId: string;
    name: string;
    idleSeconds: number;
    isBlocked: boolean;
    memoryMb: number;
    milliCpu: number;
  }[];
  /** Modal ends all sandboxes by itself. */
  endAll(): void;
  running(): number;
  /** Names that volumes and images have. */
  volumes(): string[];
  images(): string[];
  close(): Promise<void>;
}

export async function startModalServer(): Promise<ModalServer> {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'herald-modal-')));
  const rootFolder = path.join(dir, 'root');
  const imageFolder = path.join(dir, 'images');
  const workspace = path.join(dir, 'workspace');
  fs.mkdirSync(imageFolder);
  const token = { tokenId: 'ak-test', tokenSecret: 'as-test' };
  const boxes: Box[] = [];
  const tags = new Map<string, string>();
  const volumes = new Map<string, string>();
  const created: ModalServer['created'] = [];
  const named = (request: Message) => boxes.find((box) => !box.isOver && box.name === request.text(1));
  const byId = (id: string) => {
    const box = boxes.find((other) => other.id === id);
    if (box === undefined) throw new GrpcError(NOT_FOUND, `Sandbox ${id} not found`);
    return box;
  };
  const end = (box: Box) => {
    if (box.isOver) return;
    box.isOver = true;
    box.task.end();
    // Nothing of its file system is left but volumes.
    fs.rmSync(rootFolder, { recursive: true, force: true });
  };

  function create(request: Message): Buffer {
    const definition = request.message(2);
    const name = definition.text(30);
    if (boxes.some((box) => !box.isOver && box.name === name))
      throw new GrpcError(ALREADY_EXISTS, `Sandbox with name '${name}' already exists`);
    const imageId = definition.text(3);
    const kept = path.join(imageFolder, imageId);
    fs.rmSync(rootFolder, { recursive: true, force: true });
    if (fs.existsSync(kept)) fs.cpSync(kept, rootFolder, { recursive: true });
    else fs.mkdirSync(rootFolder);
    for (const mount of definition.messages(13)) fs.mkdirSync(mount.text(2), { recursive: true });
    // Real ones are longer than the ids of the first kind.
    const id = `sb-${randomUUID()}`;
    const task = startPlayedTask({
      id: `ta-${id}`,
      folder: dir,
      workdir: definition.text(8),
      command: definition.texts(1),
    });
    boxes.push({ id, name, definition, task, isOver: false });
    const resources = definition.message(5);
    created.push({
      imageId,
      name,
      idleSeconds: definition.number(33),
      isBlocked: definition.message(22).number(1) === 2,
      memoryMb: resources.number(2),
      milliCpu: resources.number(3),
    });
    return encode([1, id], [3, task.id], [5, encode([1, ROUTER_TOKEN], [2, routerUrl()])]);
  }

  function control(method: string, request: Message): Buffer {
    switch (method) {
      case 'AuthTokenGet':
        return encode([1, 'x.y.z']);
      case 'AppGetOrCreate':
        return encode([1, 'ap-1']);
      case 'EnvironmentGetOrCreate':
        return encode([1, 'en-1'], [2, encode([1, 'main'], [2, encode([1, '2025.06'])])]);
      case 'ImageGetOrCreate':
        // Already built: GENERIC_STATUS_SUCCESS.
        return encode(
          [
            1,
            `im-${request
              .message(2)
              .texts(6)
              .join(' ')
              .replaceAll(/[^A-Za-z0-9]+/g, '-')}`,
          ],
          [2, encode([1, 1])],
        );
      case 'ImageGetByTag': {
        const imageId = tags.get(request.text(1));
        if (imageId === undefined) throw new GrpcError(NOT_FOUND, `Image ${request.text(1)} not found`);
        return encode([1, imageId]);
      }
      case 'ImagePublish':
        tags.set(request.text(2), request.text(1));
        return encode();
      case 'ImageDelete':
        for (const [tag, imageId] of tags) if (imageId === request.text(1)) tags.delete(tag);
        fs.rmSync(path.join(imageFolder, path.basename(request.text(1))), { recursive: true, force: true });
        return encode();
      case 'VolumeGetOrCreate': {
        const name = request.text(1);
        if (!volumes.has(name) && request.number(4) === 0) throw new GrpcError(NOT_FOUND, `Volume '${name}' not found`);
        volumes.set(name, volumes.get(name) ?? `vo-${name}`);
        return encode([1, `vo-${name}`], [2, 1], [3, encode([1, 1], [2, name])]);
      }
      case 'VolumeDelete':
        for (const [name, id] of volumes) if (id === request.text(1)) volumes.delete(name);
        fs.rmSync(workspace, { recursive: true, force: true });
        return encode();
      case 'SandboxCreateV2':
        return create(request);
      case 'SandboxGetFromNameV2': {
        const box = named(request);
        if (box === undefined) throw new GrpcError(NOT_FOUND, 'Sandbox not found');
        return encode([1, box.id]);
      }
      case 'SandboxGetFromName':
        // Those of the first kind: there are none.
        throw new GrpcError(NOT_FOUND, 'Sandbox not found');
      case 'SandboxGetTaskIdV2': {
        const box = byId(request.text(1));
        return box.isOver ? encode([2, encode([1, TERMINATED])]) : encode([1, box.task.id]);
      }
      case 'SandboxWaitV2':
        return byId(request.text(1)).isOver ? encode([1, encode([1, TERMINATED])]) : encode();
      case 'SandboxTerminateV2':
        end(byId(request.text(1)));
        return encode();
      case 'SandboxGetCommandRouterAccess':
        byId(request.text(1));
        return encode([1, ROUTER_TOKEN], [2, routerUrl()]);
      default:
        throw new GrpcError(UNIMPLEMENTED, `${method} is not played`);
    }
  }

  async function route(method: string, request: Message, sender: Sender): Promise<Buffer | undefined> {
    const box = boxes.find(({ task }) => task.id === request.text(1));
    if (box === undefined || box.isOver) throw new GrpcError(NOT_FOUND, 'the task is not there any more');
    switch (method) {
      case 'TaskExecStart':
        box.task.start(request.text(2), request.texts(3));
        return encode();
      case 'TaskExecStdinWrite':
        await box.task.write(request.text(2), request.bytes(4), request.number(5) === 1);
        return encode();
      case 'TaskExecStdioRead': {
        const stream = request.number(4) === 0 ? 'stdout' : 'stderr';
        await box.task.read(request.text(2), stream, sender);
        return undefined;
      }
      case 'TaskExecWait':
        return encodeChosen(1, await box.task.wait(request.text(2)));
      case 'TaskSnapshotFilesystem': {
        const imageId = `im-${request.text(2)}`;
        fs.cpSync(rootFolder, path.join(imageFolder, imageId), { recursive: true });
        return encode([1, imageId]);
      }
      default:
        throw new GrpcError(UNIMPLEMENTED, `${method} is not played`);
    }
  }

  const server = await startGrpcServer(async ({ path: called, headers, request }: GrpcCall, sender) => {
    const [, service = '', method = ''] = called.split('/');
    if (service === 'modal.task_command_router.TaskCommandRouter') {
      if (headers.authorization !== `Bearer ${ROUTER_TOKEN}`) throw new GrpcError(UNAUTHENTICATED, 'bad token');
      return route(method, request, sender);
    }
    if (headers['x-modal-token-id'] !== token.tokenId || headers['x-modal-token-secret'] !== token.tokenSecret)
      throw new GrpcError(UNAUTHENTICATED, 'Token missing or invalid');
    return control(method, request);
  });
  const routerUrl = () => `https://127.0.0.1:${server.port}`;
  return {
    url: `http://127.0.0.1:${server.port}`,
    token,
    workspace,
    stateDir: path.join(rootFolder, 'state'),
    created,
    endAll: () => boxes.forEach(end),
    running: () => boxes.filter(({ isOver }) => !isOver).length,
    volumes: () => [...volumes.keys()],
    images: () => [...tags.keys()],
    async close() {
      boxes.forEach(end);
      await server.close();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
