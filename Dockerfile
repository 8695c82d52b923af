FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY web/build.mjs web/entries.mjs web/tsconfig.json ./
COPY web/src src
RUN node build.mjs

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /credlane ./app/cmd/credlane

# The database is a service of its own here, so the image needs no Postgres programs. It runs as a user without rights.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /credlane /credlane
ENV CREDLANE_ADDR=:8080
EXPOSE 8080
ENTRYPOINT ["/credlane"]
CMD ["serve"]
