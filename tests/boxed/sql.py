"""SQL as mysqldump writes it: a head, definitions, rows in statements of many, a foot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

HEAD = """-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: sitemanager
-- ------------------------------------------------------
-- Server version\t8.0.36-28

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;

"""
PROGRAMS = """/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`bitrix`@`%`*/ /*!50003 TRIGGER `t_user` BEFORE INSERT ON `b_user`
FOR EACH ROW BEGIN
  DELETE FROM b_user WHERE ID = 1; INSERT INTO b_user VALUES (666,'it''s;');
END */;;
DELIMITER ;
/*!50001 DROP VIEW IF EXISTS `v_people`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`bitrix`@`%` SQL SECURITY DEFINER */
/*!50001 VIEW `v_people` AS select `b_user`.`ID` AS `ID`,'it''s; a view' AS `SAID` from `b_user` */;
"""
FOOT = """/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;

-- Dump completed on 2026-01-31  2:00:07
"""
_SIGNS = str.maketrans(
    {"\0": "\\0", "\n": "\\n", "\r": "\\r", "\\": "\\\\", "'": "\\'", '"': '\\"', "\x1a": "\\Z"}
)


def literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "'Y'" if value else "'N'"
        case int() | float():
            return str(value)
        case bytes():
            return f"0x{value.hex().upper()}" if value else "''"
        case _:
            return f"'{str(value).translate(_SIGNS)}'"


def table(
    name: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]], *, at_once: int = 100
) -> Iterator[str]:
    """Its definition and its rows."""
    defined = ",\n".join(f"  `{column}` {kind}" for column, kind in columns.items())
    first = next(iter(columns))
    yield f"--\n-- Table structure for table `{name}`\n--\n\nDROP TABLE IF EXISTS `{name}`;\n"
    yield "/*!40101 SET @saved_cs_client     = @@character_set_client */;\n"
    yield f"CREATE TABLE `{name}` (\n{defined},\n  PRIMARY KEY (`{first}`),\n"
    yield f"  KEY `ix_{name}` (`{first}`(10))\n"
    yield ") ENGINE=InnoDB AUTO_INCREMENT=99 DEFAULT CHARSET=utf8mb4 COMMENT='a; (b), c';\n"
    yield f"LOCK TABLES `{name}` WRITE;\n/*!40000 ALTER TABLE `{name}` DISABLE KEYS */;\n"
    waiting: list[str] = []
    for row in rows:
        assert len(row) == len(columns), (name, row)
        waiting.append(f"({','.join(map(literal, row))})")
        if len(waiting) == at_once:
            yield f"INSERT INTO `{name}` VALUES {','.join(waiting)};\n"
            waiting = []
    if waiting:
        yield f"INSERT INTO `{name}` VALUES {','.join(waiting)};\n"
    yield f"/*!40000 ALTER TABLE `{name}` ENABLE KEYS */;\nUNLOCK TABLES;\n\n"
