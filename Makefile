# `make help` lists what there is. Everything is done by the programs in scripts/, which also run without make.

.DEFAULT_GOAL := help
SHELL := /bin/bash
STAGES ?=
PHOTOS ?=
ONCE ?=
SEEDS ?= 20000
SECONDS_PER_TARGET ?= 600

.PHONY: help setup test demo bench simulate fuzz fmt lint docs deny web-check kotlin-test swift-test samples

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*(-%)?:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nStages of make test: %s\n' "$$(scripts/run-stages --list | tr '\n' ' ')"

setup: ## Install what is missing (Debian packages as root or with sudo; else says what to run)
	@scripts/setup

test: setup ## Run every test there is; STAGES="web kotlin" runs only these
	@scripts/run-stages $(STAGES)

test-%: ## Run one stage, such as make test-rust-lint
	@scripts/run-stages $*

demo: setup ## Play the village story with a server and three devices; PHOTOS=folder uses your files, ONCE=1 ends by itself
	@PHOTOS='$(PHOTOS)' ONCE='$(ONCE)' scripts/demo

bench: setup ## Measure, side by side with other programs; writes JSON and a table
	@scripts/bench

simulate: ## Run SEEDS=n schedules of the simulation beyond those of make test
	@scripts/simulate $(SEEDS)

fuzz: ## Fuzz every parser for SECONDS_PER_TARGET=600 each
	@scripts/fuzz $(SECONDS_PER_TARGET)

fmt: ## Format the Rust sources
	@cargo fmt --all

lint: ## Check formatting, lints and scripts
	@scripts/run-stages scripts rust-format rust-lint

docs: ## Build the documentation of all crates
	@scripts/run-stages rust-docs

deny: ## Check licences, duplicates, sources and known weaknesses of dependencies
	@scripts/run-stages dependencies advisories

web-check: ## Check, test and build the web pages, and try them in a browser
	@scripts/run-stages web

kotlin-test: ## Run the Kotlin bindings on the JVM
	@scripts/run-stages kotlin

swift-test: ## Run the Swift bindings, making a toolchain where there is none
	@scripts/run-stages swift

samples: setup ## Make sample media in the cache folder and print where they are
	@scripts/samples
