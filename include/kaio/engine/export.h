// SPDX-License-Identifier: MIT
#pragma once

// What libkaio-engine exports.
#define KAIO_ENGINE_API __attribute__((visibility("default")))
