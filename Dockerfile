# Herald in a container: no compiler, no shell scripts of packages, not root. State is in /data.
#   docker compose up -d          (compose.yaml publishes it on this machine only)

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# better-sqlite3 brings its binaries; no package needs a script here.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM node:24-slim
ENV NODE_ENV=production \
    HERALD_HOME=/data \
    HERALD_HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY bin ./bin
COPY package.json ./
RUN ln -s /app/bin/herald.mjs /usr/local/bin/herald \
    && groupadd --gid 10000 herald \
    && useradd --uid 10000 --gid 10000 --home-dir /data --no-create-home --shell /usr/sbin/nologin herald \
    && install -d -o 10000 -g 10000 -m 0700 /data
USER 10000:10000
VOLUME /data
EXPOSE 7420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HERALD_PORT || 7420}/health`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=8", "/app/bin/herald.mjs"]
CMD ["start"]
