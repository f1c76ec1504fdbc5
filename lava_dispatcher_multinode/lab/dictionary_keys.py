"""What each key of LAVA's device dictionaries means for the boards of this package: data.

`docs/reference/lava-device-dictionaries.md` has the table; `dictionary_translation` applies it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Verdict = Literal["obeyed", "named", "refused"]


class DictionaryKey(NamedTuple):
    """A key, or with what is below it a section.

    `path` is dotted; `*` stands for any one part, METHOD for the boot method that drives the
    board, LIST for its list of commands. The first row that fits a key counts.
    `obeyed`: `meaning` is the key of a device file. `named`: it has no effect, and a warning has
    `meaning` as the reason. `refused`: so is a value other than false, empty or 0.
    """

    path: str
    verdict: Verdict
    meaning: str


def _rows(verdict: Verdict, meaning: str, *paths: str) -> tuple[DictionaryKey, ...]:
    return tuple(DictionaryKey(path, verdict, meaning) for path in paths)


_FLASH = "a way to flash that this package lacks"
_OTHER_LOADER = "of a boot loader that this package does not drive"
_DEBUG = "of a board that is driven by a debug probe"
_LIMIT = "a limit of an action that does not exist here"

#: The keys of the boot method that drives the board.
METHOD_KEYS = (
    *_rows("obeyed", "`boot.prompt_patterns`", "parameters.bootloader_prompt"),
    *_rows("obeyed", "`boot.interrupt`", "parameters.interrupt_prompt"),
    *_rows(
        "obeyed",
        "`boot.interrupt_command`",
        "parameters.interrupt_char",
        "parameters.interrupt_character",
        "parameters.interrupt_ctrl_list",
    ),
    *_rows("obeyed", "`boot.interrupt`: the prompt itself", "parameters.needs_interrupt"),
    *_rows("obeyed", "the word `{LAVA_MAC}`", "parameters.lava_mac"),
    *_rows("obeyed", "`deploy.tftp.ramdisk_header`", "parameters.mkimage_arch"),
    *_rows(
        "refused",
        "the board starts from another bank or as a USB medium",
        "parameters.uboot_altbank",
        "parameters.uboot_ums_flash",
    ),
    *_rows("refused", "a boot script that the boot loader loads", "parameters.use_bootscript"),
    *_rows(
        "named",
        "only used with `uboot_altbank` and `uboot_ums_flash`",
        "parameters.uboot_altbank_cmd",
        "parameters.uboot_mass_storage_device",
    ),
    *_rows("named", "the start of the kernel is `boot.kernel_start`", "parameters.boot_message"),
    *_rows(
        "named",
        "this dispatcher applies no device tree overlays",
        "parameters.apply_dtbo_commands",
    ),
    *_rows("named", "only used with a boot sequence that LAVA runs", "sequence", "reset_device"),
    *_rows("obeyed", "`deploy.tftp.commands`", "LIST.commands"),
    *_rows("named", "a command list that is not used", "*"),
)

KEYS: Sequence[DictionaryKey] = (
    *_rows("obeyed", "`device_type`, if the device file has none", "devicetype", "device_type"),
    *_rows("named", "a board has the name of its device file", "hostname"),
    # commands
    *_rows("obeyed", "`connection.command`", "commands.connect", "commands.connections"),
    *_rows("obeyed", "`power.on`", "commands.power_on"),
    *_rows("obeyed", "`power.on` and `power.cycle`, first", "commands.pre_power_command"),
    *_rows("obeyed", "`power.off`", "commands.power_off"),
    *_rows("obeyed", "`power.cycle`", "commands.hard_reset"),
    *_rows(
        "named",
        "without a power switch, the board is typed `reboot`",
        "commands.soft_reboot",
    ),
    *_rows("named", "used when LAVA flashes by fastboot", "commands.pre_os_command"),
    *_rows(
        "named",
        "no action of a job uses it here",
        "commands.must_use_connection",
        "commands.recovery_mode",
        "commands.recovery_exit",
        "commands.users",
    ),
    # typing
    *_rows("obeyed", "`connection.character_delay`", "character_delays.boot"),
    *_rows("obeyed", "`connection.character_delay`, if it is larger", "character_delays.test"),
    *_rows("named", "no deploy types at a console", "character_delays.deploy"),
    # constants
    *_rows("obeyed", "`boot.kernel_start`: its literal start", "constants.kernel-start-message"),
    *_rows("obeyed", "`boot.retries`", "constants.boot_retry"),
    *_rows(
        "obeyed",
        "`boot.interrupt` and `boot.interrupt_command`, if the boot method has none",
        "constants.METHOD.interrupt-prompt",
        "constants.METHOD.interrupt-character",
        "constants.METHOD.interrupt_ctrl_list",
    ),
    *_rows(
        "named",
        "a carriage return follows in any case: at the prompt it is an empty line",
        "constants.METHOD.interrupt-newline",
    ),
    *_rows(
        "named",
        "this package reads the status of each command, and has its own list of errors",
        "constants.METHOD.error-messages",
    ),
    *_rows(
        "named", "it has the start of a kernel as its own text", "constants.METHOD.final-message"
    ),
    *_rows("named", "only used to flash", "constants.METHOD.dfu-download"),
    *_rows(
        "named",
        "of a boot loader that this board does not use",
        "constants.u-boot",
        "constants.barebox",
        "constants.grub",
        "constants.grub-efi",
    ),
    *_rows(
        "named",
        _OTHER_LOADER,
        "constants.ipxe",
        "constants.depthcharge",
        "constants.uefi",
        "constants.uefi-menu",
        "constants.tianocore",
    ),
    *_rows(
        "named",
        "the tests have paths and shell of their own",
        "constants.posix",
        "constants.default-shell-prompt",
    ),
    *_rows("named", "no action waits for it", "constants.shutdown-message"),
    *_rows("named", "of the program that LAVA reads consoles with", "constants.spawn_maxread"),
    *_rows("named", "each action has retries of its own", "constants.failure_retry"),
    *_rows("named", "no action of a job uses it here", "constants.*"),
    # load addresses
    *_rows(
        "obeyed",
        "`deploy.tftp.bootm`, `bootz` and `booti`",
        "parameters.bootm",
        "parameters.bootz",
        "parameters.booti",
    ),
    *_rows(
        "named",
        "the same as `bootm`, `bootz` and `booti`, by the kind of the kernel",
        "parameters.uimage",
        "parameters.zimage",
        "parameters.image",
    ),
    *_rows("named", "a test may read it in LAVA only", "parameters.interfaces"),
    *_rows("named", "no deploy writes to these media", "parameters.media"),
    *_rows(
        "named",
        "a zImage or Image is served as it is",
        "parameters.text_offset",
        "parameters.load_address",
        "parameters.dtb_base_resize",
    ),
    *_rows("named", "it has no effect in LAVA either", "parameters.pass"),
    *_rows("named", "no action of a job uses it here", "parameters.*"),
    # deploy
    *_rows(
        "obeyed",
        "`deploy.tftp.ramdisk_header`",
        "actions.deploy.parameters.add_header",
        "actions.deploy.parameters.mkimage_arch",
    ),
    *_rows("obeyed", "`deploy.tftp.append_dtb`", "actions.deploy.parameters.append_dtb"),
    *_rows("obeyed", "`deploy.tftp.execute_in_place`", "actions.deploy.parameters.use_xip"),
    *_rows("named", "no deploy here uses it", "actions.deploy.parameters.*"),
    *_rows("obeyed", "`deploy.method: tftp`", "actions.deploy.methods.tftp"),
    *_rows("named", _FLASH, "actions.deploy.methods.*"),
    *_rows(
        "named",
        "the console is `commands`",
        "actions.deploy.connections",
        "actions.boot.connections",
    ),
    # boot
    *_rows("obeyed", "`bootloader`", "actions.boot.methods.METHOD"),
    *_rows("named", "a boot method that this board does not use here", "actions.boot.methods.*"),
    *_rows("named", "no action of a job uses it here", "actions.boot.*", "actions.deploy.*"),
    *_rows("named", "tests run on the board", "actions.test"),
    # timeouts
    *_rows(
        "obeyed",
        "`boot.autoboot_timeout`, with a boot loader",
        "timeouts.actions.bootloader-interrupt",
    ),
    *_rows(
        "obeyed",
        "`boot.command_timeout`, for each line, with a boot loader",
        "timeouts.actions.bootloader-commands",
    ),
    *_rows("obeyed", "`login.timeout`", "timeouts.actions.auto-login-action"),
    *_rows(
        "obeyed",
        "`power.timeout`: the longest",
        "timeouts.actions.power-off",
        "timeouts.actions.power-on",
        "timeouts.actions.pdu-reboot",
    ),
    *_rows("named", _LIMIT, "timeouts.actions.*", "timeouts.connections"),
    # flashing and identification of USB devices
    *_rows(
        "named",
        "no action of a job uses it here",
        "device_info",
        "static_info",
        "storage_info",
        "available_architectures",
        "dynamic_data",
        "power_state",
    ),
    *_rows("refused", "variables of the tests' environment: set them in the job", "environment"),
    *_rows(
        "named",
        _FLASH,
        "adb_serial_number",
        "fastboot_serial_number",
        "fastboot_options",
        "fastboot_auto_detection",
        "fastboot_via_uboot",
        "flash_cmds_order",
        "board_qdl_id",
        "usb_filesystem_label",
        "usb_sleep",
    ),
    *_rows("named", _DEBUG, "board_id", "usb_vendor_id", "usb_product_id"),
)


def row_for(path: Sequence[str], method: str, commands: str) -> DictionaryKey | None:
    """Return the first row that fits `path`, for a board that boots by `method`, if any.

    `commands` is the name of the method's list of commands.
    """
    prefix = ("actions", "boot", "methods", method)
    names = {"METHOD": method, "LIST": commands}
    if tuple(path[:4]) == prefix and len(path) > 4:
        return _first(METHOD_KEYS, path[4:], names)
    return _first(KEYS, path, names)


def _first(
    rows: Sequence[DictionaryKey], path: Sequence[str], names: Mapping[str, str]
) -> DictionaryKey | None:
    for row in rows:
        parts = [names.get(part, part) for part in row.path.split(".")]
        if len(parts) <= len(path) and all(
            part in ("*", name) for part, name in zip(parts, path, strict=False)
        ):
            return row
    return None
