# The user data of deploy/cloud-init with its blanks filled in. See docs/deploy/terraform.md.

terraform {
  required_version = ">= 1.3"
}

locals {
  blank = split("\n", file("${path.module}/../cloud-init/user-data.yaml"))

  environment = merge(
    var.manager == null ? {} : { WAZUH_MANAGER = var.manager },
    { WAZUH_AGENT_NAME = var.name },
    length(var.groups) == 0 ? {} : { WAZUH_AGENT_GROUP = join(",", var.groups) },
    var.settings,
  )

  # A secret that was given outright is a file of root's until the next start, and is read from there like any other.
  secret         = var.token != "" ? var.token : var.password
  secret_file    = "/run/agent-enroll-secret"
  secret_command = "cat ${local.secret_file}"
  secret_entry = [
    "  - path: ${local.secret_file}",
    "    permissions: '0600'",
    "    content: ${jsonencode(local.secret)}",
  ]

  commands = {
    password = var.password != "" ? local.secret_command : var.password_command
    token    = var.token != "" ? local.secret_command : var.token_command
  }

  # What a person changes in that file, line by line, and what comes into the place of each.
  filled_in = {
    "write_files:"                              = concat(["write_files:"], local.secret == "" ? [] : local.secret_entry)
    "WAZUH_MANAGER=siem.example.org"            = [for name, value in local.environment : "${name}='${value}'"]
    "WAZUH_AGENT_NAME={hostname}-{instance-id}" = []
    "#AGENT_ENROLL_PIN=sha256:..."              = []

    "url=https://downloads.example.org/agent-enroll/0.1.0" = ["url='${var.url}'"]

    "sha256_x64=0000000000000000000000000000000000000000000000000000000000000000"   = ["sha256_x64=${var.sha256.x64}"]
    "sha256_arm64=0000000000000000000000000000000000000000000000000000000000000000" = ["sha256_arm64=${var.sha256.arm64}"]

    "public_key=''"       = ["public_key='${var.public_key}'"]
    "password_command=''" = ["password_command='${replace(local.commands.password, "'", "'\\''")}'"]
    "token_command=''"    = ["token_command='${replace(local.commands.token, "'", "'\\''")}'"]
  }

  # What tells a person how to fill it in is left out: clouds take 16 KiB of user data.
  lines = flatten([
    for line in local.blank : [
      for new in lookup(local.filled_in, trimspace(line), [line]) :
      new == line ? line : "${regex("^ *", line)}${new}"
    ]
    if !can(regex("^ *# ", line))
  ])

  given  = [for way in [var.password, var.token, var.password_command, var.token_command] : way if way != ""]
  quoted = concat(values(local.environment), [var.url, var.public_key])
}

output "user_data" {
  description = "The user data of an instance that enrolls at its first boot. Everybody on the instance can read it."
  value       = join("\n", local.lines)
  sensitive   = true

  precondition {
    condition     = length(local.given) <= 1
    error_message = "Give one of password, password_command, token and token_command."
  }
  precondition {
    condition     = (var.manager == null) == (local.commands.token != "")
    error_message = "Give a manager, or an enrollment token, which names it; not both."
  }
  precondition {
    condition     = !anytrue([for value in concat(local.quoted, values(local.commands)) : can(regex("\n", value))])
    error_message = "A value is one line."
  }
  precondition {
    condition     = !anytrue([for value in local.quoted : can(regex("'", value))])
    error_message = "A value in the user data has no apostrophe in it."
  }
  precondition {
    condition     = alltrue([for line in keys(local.filled_in) : contains([for blank in local.blank : trimspace(blank)], line)])
    error_message = "deploy/cloud-init/user-data.yaml is not the one that this module fills in."
  }
}
